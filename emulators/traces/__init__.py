"""A receiver of OpenTelemetry's OTLP over HTTP, in JSON, that keeps the newest traces and metrics to be looked at."""
