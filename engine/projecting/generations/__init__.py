"""Which generations of a read model are written, which one serves, and how a new one is built beside it."""
