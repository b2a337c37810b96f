"""A domain is written against these contracts, which import the standard library alone."""
