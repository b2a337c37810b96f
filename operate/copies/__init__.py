"""A service of one's own: made from this project, and brought up to date with it. Standard library alone."""
