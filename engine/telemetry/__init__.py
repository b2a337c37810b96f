"""Telemetry says what a worker process does: spans of traces, metrics, and lines of the log.

It belongs to the process, as logging does. Nothing of it is loaded, and a span costs next to nothing, until an exporter
is set up.
"""
