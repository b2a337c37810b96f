"""Given, when, then: for authors of deciders, processes and projections."""
