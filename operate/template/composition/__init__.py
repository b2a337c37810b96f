"""The composition connects domain, adapters and functions; no other package names an adapter."""
