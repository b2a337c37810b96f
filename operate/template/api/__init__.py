"""The REST interface of the service."""
