"""Timing: see `emulators/bench/measure.py`, which both benchmarks share."""

from emulators.bench.measure import Timings, interleaved, interleaved_async, percentile

__all__ = ["Timings", "interleaved", "interleaved_async", "percentile"]
