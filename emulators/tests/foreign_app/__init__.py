"""The folder of a function app: a host is started on it, nothing imports it from here."""
