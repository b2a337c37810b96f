"""Answers: read models that are folded from the events and can be thrown away."""
