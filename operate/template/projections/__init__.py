"""Each module holds one read model: its projection, which is pure, and the query that answers from it."""
