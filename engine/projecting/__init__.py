"""A projector turns events of the change feed into the views of a read model, and queries answer from the views."""
