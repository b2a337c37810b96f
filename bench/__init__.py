"""Measurements of the service and its local cloud, as one command: `python -m bench`. For development only."""
