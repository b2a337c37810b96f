"""Use cases without a cloud: load, decide, append; and the answers to queries. Knows no order."""
