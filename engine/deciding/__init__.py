"""The contracts that a domain is written against. Imports the standard library alone."""
