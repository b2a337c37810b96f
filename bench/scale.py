"""How much is measured: see `emulators/bench/scale.py`, which both benchmarks share."""

from emulators.bench.scale import FULL, QUICK, Scale, progress

__all__ = ["FULL", "QUICK", "Scale", "progress"]
