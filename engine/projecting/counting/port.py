"""`RollupStore` is the port of the store of rollups; `memory.py` and `cosmos.py` implement it."""

from collections.abc import Collection, Mapping
from typing import Protocol

from engine.consuming.feed.port import ChangeFeed

Sums = Mapping[str, int]
"""Holds sums by their keys, such as `05.hill.arrivals`: of the minute 5, the series hill and the measure arrivals."""


class RollupStore(Protocol):
    """Keeps the sums of every rollup in buckets, and a marker for each event that is counted in them.

    All methods raise Unavailable and AccessRefused.
    """

    async def count(self, container: str, bucket: str, additions: Mapping[str, Sums]) -> None:
        """Adds to the sums of a bucket what each event says, unless its marker is there; `additions` is by marker.

        An event is marked in the transaction that adds to the sums. Of several events, some may be counted when this
        raises: it is safe to repeat.
        """
        ...

    async def sums(self, container: str, buckets: Collection[str]) -> Mapping[str, Sums]:
        """Returns the sums of these buckets, but not of empty ones. Those of just now may be missing."""
        ...

    def changes(self, container: str) -> ChangeFeed:
        """Returns the feed of a rollup's items: each of them once, as it was written last."""
        ...

    async def delete(self, container: str, prefix: str, limit: int) -> int:
        """Deletes `limit` items at most out of a bucket whose name begins with `prefix`, its counter as the last one.

        Returns how many those were: 0 once there is no such bucket.
        """
        ...
