"""Reacting to the change feed, once and in order."""
