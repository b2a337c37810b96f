"""The consumers of the change feed and of the bus share retries, parking, release, and the check for host rewrites."""
