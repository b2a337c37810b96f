"""Keeping facts: streams of events, appended atomically and read in order. Knows no domain."""
