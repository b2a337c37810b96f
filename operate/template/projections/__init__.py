"""One pure module per read model: its projection, and the query that answers from it."""
