"""The runner of the local stack, for development only."""
