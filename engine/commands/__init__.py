"""Commands on their way: load, decide, append; or accepted now, carried out by the bus and asked for later."""
