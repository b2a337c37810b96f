"""The lag of a consumer of the change feed is what was written and not yet handled, by the leases of its function.

For each part of the feed, one item is asked for behind the position in the lease. The lag in documents is the number of
the newest transaction less the one before that item; the lag in seconds is the age of that item. It is how the .NET
SDK's estimator counts: an append counts once, however many events it has.

Cost: a query of the leases, a read of the feed's ranges, and a read of the feed, of one item, per consumer and physical
partition.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from engine.consuming.feed.port import EventFeed, FeedRange, Lease

OWNER_IS_GONE_AFTER: Final = timedelta(seconds=60)
"""A lease that was not renewed for so long has no owner that lives: another host takes it within 20 seconds."""

_AT_ONCE: Final = 8

State = Literal["owned", "unowned", "expired", "missing"]
"""`unowned`: no host has the lease. `expired`: its host is gone, and no other has it. `missing`: there is none."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """Says how far a consumer is behind in one part of the feed.

    `documents` and `seconds` are None where there is no lease: what it has handled is not known. So is `age`, the time
    in seconds since the lease was renewed, of a lease that nobody has had.
    """

    consumer: str
    partition: str
    state: State
    documents: int | None = None
    seconds: float | None = None
    owner: str | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Lags:
    """Measures the lag of consumers whose functions have the prefix `<consumer>-`."""

    feed: EventFeed

    async def of(self, consumers: Iterable[str], now: datetime) -> Sequence[PartitionLag]:
        """Returns the lag of each consumer in each part of the feed. Raises Unavailable and AccessRefused."""
        leases, ranges = await asyncio.gather(self.feed.leases(), self.feed.ranges())
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(consumer: str, where: FeedRange, lease: Lease | None) -> PartitionLag:
            async with slots:
                return await self._lag(consumer, where, lease, now)

        return await asyncio.gather(
            *(
                one(consumer, where, lease)
                for consumer in consumers
                for where, lease in _in_force([each for each in leases if each.prefix == f"{consumer}-"], ranges)
            )
        )

    async def _lag(self, consumer: str, where: FeedRange, lease: Lease | None, now: datetime) -> PartitionLag:
        if lease is None:
            return PartitionLag(consumer, str(where), "missing")
        page = await self.feed.read(where, lease.continuation, 1)
        documents, seconds = 0, 0.0
        if page.items:
            first = page.items[0]
            documents = max(1, page.newest - first["_lsn"] + 1)
            seconds = max(0.0, now.timestamp() - first["_ts"])
        age = None if lease.renewed_at is None else max(0.0, (now - lease.renewed_at).total_seconds())
        return PartitionLag(consumer, str(where), _state(lease, now), documents, seconds, lease.owner, age)


def _in_force(leases: Sequence[Lease], ranges: Sequence[FeedRange]) -> Sequence[tuple[FeedRange, Lease | None]]:
    """Returns the parts of the feed, none in two physical partitions, each with the lease by which it is followed.

    That is the narrowest one: a wider one was left over from before a split, and who takes it finds its range gone.
    """
    known = (*ranges, *(lease.range for lease in leases))
    parts = [FeedRange(low, high) for low, high in pairwise(sorted({border for each in known for border in each}))]

    def width(lease: Lease) -> int:
        return sum(map(lease.range.covers, parts))

    return [
        (part, min((each for each in leases if each.range.covers(part)), key=width, default=None)) for part in parts
    ]


def _state(lease: Lease, now: datetime) -> State:
    if lease.owner is None or lease.renewed_at is None:
        return "unowned"
    return "expired" if now - lease.renewed_at > OWNER_IS_GONE_AFTER else "owned"
