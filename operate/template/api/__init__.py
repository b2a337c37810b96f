"""The REST interface of the service turns HTTP requests into commands and queries."""
