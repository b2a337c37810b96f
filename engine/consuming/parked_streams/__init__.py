"""The streams that consumers of the change feed have put aside: their store, and their release."""
