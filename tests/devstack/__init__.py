"""devstack, judged by the official SDKs."""
