"""What consumers of the change feed and of the bus share: retries, parking and release, what the host rewrites."""
