"""Demonstrations against the running service, over its REST interface."""
