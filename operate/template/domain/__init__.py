"""The business, in pure functions over frozen data. Imports the standard library alone."""
