"""The machine and its processes: see `emulators/bench/machine.py`, which both benchmarks share."""

from emulators.bench.machine import children, facts, processor_seconds, resident_bytes

__all__ = ["children", "facts", "processor_seconds", "resident_bytes"]
