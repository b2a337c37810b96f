"""Measurements of the services, as one command: `python -m emulators.bench`."""
