"""A rollup counts events into sums, each event once, and queries read the sums."""
