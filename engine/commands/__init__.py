"""A command is carried out at once (load, decide, append), or accepted now and carried out later by the bus."""
