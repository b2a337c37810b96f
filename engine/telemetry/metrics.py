"""`record` adds a value to a metric; where no exporter is set up, it does nothing."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol

from engine.telemetry.instruments import Instrument
from engine.telemetry.spans import Attributes


class Meter(Protocol):
    def record(self, instrument: Instrument, value: float, attributes: Attributes) -> None: ...


_nothing: Final = nullcontext()
_meter: Meter | None = None
_work: Final = ContextVar("work", default="other")


def use(meter: Meter | None) -> None:
    """Makes `meter` that of this process; with None, nothing is measured any more."""
    global _meter
    _meter = meter


def are_recorded() -> bool:
    """Returns whether a meter is set up."""
    return _meter is not None


def record(instrument: Instrument, value: float, attributes: Attributes) -> None:
    """Adds to a counter, or to a histogram, or sets a gauge; `value` is in the unit of the instrument."""
    if _meter is not None:
        _meter.record(instrument, value, attributes)


def timed(instrument: Instrument, attributes: Attributes) -> AbstractContextManager[None]:
    """Records how many seconds the block takes, under the type of the error that ends it, if one does: `error.type`."""
    return _nothing if _meter is None else _timed(instrument, attributes)


@contextmanager
def _timed(instrument: Instrument, attributes: Attributes) -> Iterator[None]:
    began, measured = time.perf_counter(), {**attributes}
    try:
        yield
    except BaseException as error:
        measured["error.type"] = type(error).__name__
        raise
    finally:
        record(instrument, time.perf_counter() - began, measured)


def on_behalf_of(work: str) -> AbstractContextManager[None]:
    """Makes `work` the cause of the requests to Cosmos DB in the block, such as `consumer relay`."""
    return _nothing if _meter is None else _on_behalf_of(work)


@contextmanager
def _on_behalf_of(work: str) -> Iterator[None]:
    token = _work.set(work)
    try:
        yield
    finally:
        _work.reset(token)


def work() -> str:
    """Returns on whose behalf a request is made."""
    return _work.get()
