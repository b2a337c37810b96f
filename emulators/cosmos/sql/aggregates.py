"""The aggregate functions, fed one value per row. Undefined values do not take part."""

from __future__ import annotations

from typing import Any, Protocol

from emulators.cosmos.sql.values import SortKey, finite, is_number, is_primitive
from emulators.cosmos.undefined import UNDEFINED


class Accumulator(Protocol):
    def add(self, value: Any) -> None: ...

    def result(self) -> Any: ...


class Count:
    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Any) -> None:
        self._count += value is not UNDEFINED

    def result(self) -> int:
        return self._count


class Sum:
    """Undefined as soon as one value is no number."""

    def __init__(self) -> None:
        self._sum: float = 0
        self._numbers = True

    def add(self, value: Any) -> None:
        if value is UNDEFINED:
            return
        if is_number(value):
            self._sum += value
        else:
            self._numbers = False

    def result(self) -> Any:
        return finite(self._sum) if self._numbers else UNDEFINED


class Average:
    def __init__(self) -> None:
        self._sum = Sum()
        self._count = Count()

    def add(self, value: Any) -> None:
        self._sum.add(value)
        self._count.add(value)

    def result(self) -> Any:
        total, count = self._sum.result(), self._count.result()
        return UNDEFINED if total is UNDEFINED or count == 0 else finite(total / count)


class Extreme:
    """The least or greatest value in the order of types; undefined when an array or object takes part."""

    def __init__(self, *, greatest: bool) -> None:
        self._greatest = greatest
        self._best: SortKey | None = None
        self._primitive = True

    def add(self, value: Any) -> None:
        if value is UNDEFINED:
            return
        if not is_primitive(value):
            self._primitive = False
            return
        key = SortKey(value)
        if self._best is None or (key > self._best if self._greatest else key < self._best):
            self._best = key

    def result(self) -> Any:
        return self._best.value if self._best is not None and self._primitive else UNDEFINED


def accumulator(name: str) -> Accumulator:
    match name:
        case "COUNT":
            return Count()
        case "SUM":
            return Sum()
        case "AVG":
            return Average()
        case _:
            return Extreme(greatest=name == "MAX")
