"""`record` adds a value to a metric; where no exporter is set up, it does nothing."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Final

from engine.telemetry.held import Held
from engine.telemetry.instruments import Instrument
from engine.telemetry.spans import Attributes

Measurement = tuple[Instrument, float, Attributes]

_nothing: Final = nullcontext()
_take: Callable[[Measurement], None] | None = None
_work: Final = ContextVar("work", default="other")


def use(take: Callable[[Measurement], None] | None) -> None:
    """Makes `take` what takes the measurements of this process; with None, nothing is measured any more."""
    global _take
    _take = take


def are_recorded() -> bool:
    """Returns whether measurements are taken."""
    return _take is not None


def record(instrument: Instrument, value: float, attributes: Attributes) -> None:
    """Adds to a counter, or to a histogram, or sets a gauge; `value` is in the unit of the instrument."""
    if _take is not None:
        _take((instrument, value, attributes))


class _Timed:
    """A class, for the reason that `Held` is one."""

    __slots__ = ("_attributes", "_began", "_instrument")

    def __init__(self, instrument: Instrument, attributes: Attributes) -> None:
        self._instrument = instrument
        self._attributes = attributes

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        taken = time.perf_counter() - self._began
        ended = self._attributes if kind is None else {**self._attributes, "error.type": kind.__name__}
        record(self._instrument, taken, ended)


def timed(instrument: Instrument, attributes: Attributes) -> AbstractContextManager[None]:
    """Records how many seconds the block takes, under the type of the error that ends it, if one does: `error.type`."""
    return _nothing if _take is None else _Timed(instrument, attributes)


def on_behalf_of(work: str) -> AbstractContextManager[None]:
    """Makes `work` the cause of the requests to Cosmos DB in the block, such as `consumer relay`."""
    return _nothing if _take is None else Held(_work, work)


def work() -> str:
    """Returns on whose behalf a request is made."""
    return _work.get()
