"""The operators' command line: `python -m operate`."""
