"""The event store keeps streams of events, appends to them atomically and reads them in order. It knows no domain."""
