"""One pure module per read model."""
