"""`operate demo drill`: a disaster, and the way back from it, on a stack of its own."""
