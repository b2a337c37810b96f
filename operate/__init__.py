"""This package is the operators' command line, `python -m operate`."""
