"""The life of the local stack: environment, start, supervision, stop. Standard library only."""
