"""Tables and goals: see `emulators/bench/report.py`, which both benchmarks share."""

from emulators.bench.report import Cell, Goal, Table, shown

__all__ = ["Cell", "Goal", "Table", "shown"]
