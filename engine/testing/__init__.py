"""Authors specify deciders, processes and projections by given, when and then."""
