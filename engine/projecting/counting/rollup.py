"""A rollup says, as a value, what events add to sums, which are kept by minute, series and measure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zlib import crc32

from engine.projecting.counting.port import Sums
from engine.storing.containers import Container
from engine.storing.events import RecordedEvent

SHARDS: Final = 8
"""The sums of an hour lie in this many buckets: one partition of Cosmos DB takes 10,000 request units per second."""

LARGEST_CONTRIBUTION: Final = 2**53 - 1

_HOUR: Final = timedelta(hours=1)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Contribution:
    """Adds `amount`, which may be negative, to a measure of a series: 1 to the arrivals of a house.

    Series are few, since an item of the store holds every sum of its hour. Raises ValueError for a name that is not
    made of 1 to 32 of A-Z, a-z, 0-9, underscore and hyphen, and for an amount that is not exact in JSON.
    """

    series: str
    measure: str
    amount: int

    def __post_init__(self) -> None:
        if not (_NAME.fullmatch(self.series) and _NAME.fullmatch(self.measure)):
            raise ValueError(f"{self.series!r} or {self.measure!r} is no name of a sum")
        if abs(self.amount) > LARGEST_CONTRIBUTION:
            raise ValueError(f"{self.amount} is beyond {LARGEST_CONTRIBUTION}")


@dataclass(frozen=True, slots=True)
class Rollup:
    """`contributions(event, first)` is pure: what an event of one of the `categories` adds to the minute it is of.

    For events of the classes `with_first`, `first` is the first event of their stream, else None: it is looked up.
    `name` is also the name of the container. `generation` is a version of the rollup, and the prefix of every bucket.
    """

    name: str
    generation: int
    categories: tuple[str, ...]
    contributions: Callable[[RecordedEvent[Any], RecordedEvent[Any] | None], Iterable[Contribution]]
    with_first: tuple[type, ...] = ()

    @property
    def consumer(self) -> str:
        return f"{self.name}@{self.generation}"

    @property
    def container(self) -> Container:
        return Container(self.name, "/bucket")

    def follows(self, stream_id: str) -> bool:
        return stream_id.partition("-")[0] in self.categories

    def bucket_of(self, event: RecordedEvent[Any]) -> str:
        """Returns the bucket of the event's hour, in the shard of its stream."""
        return self._bucket(event.occurred_at, crc32(event.stream_id.encode("utf-8", "surrogatepass")) % SHARDS)

    def buckets(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
        """Yields the buckets from `start` to before `end`, each with its hour."""
        hour = start.replace(minute=0, second=0, microsecond=0)
        while hour < end:
            for shard in range(SHARDS):
                yield hour, self._bucket(hour, shard)
            hour += _HOUR

    def added_by(self, event: RecordedEvent[Any], first: RecordedEvent[Any] | None) -> Sums:
        """Returns what the event adds to the sums of its bucket: nothing, if it does not count."""
        added = Counter[str]()
        for each in self.contributions(event, first):
            added[f"{event.occurred_at.minute:02}.{each.series}.{each.measure}"] += each.amount
        return {key: amount for key, amount in added.items() if amount}

    def _bucket(self, time: datetime, shard: int) -> str:
        return f"{self.generation}~{time:%Y-%m-%dT%H}~{shard}"


def marker_of(event: RecordedEvent[Any]) -> str:
    return f"{event.stream_id}~{event.version}"
