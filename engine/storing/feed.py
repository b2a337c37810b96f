"""`EventFeed` is the port of the change feed of events as tools read it: by range, without leases.

`memory.py` and `cosmos_feed.py` implement it. The functions get the feed from their trigger instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Holds the next items of a range, as they were appended, and the continuation of those that follow."""

    items: Sequence[Mapping[str, Any]]
    continuation: str


class EventFeed(Protocol):
    """Reads the feed in ranges, which together hold every stream; a stream is in one of them.

    A range stays readable when the partitions behind it are split. A read may miss the newest events. Methods raise
    Unavailable and AccessRefused.
    """

    async def ranges(self) -> Sequence[str]: ...

    async def head(self, feed_range: str) -> str:
        """Returns the continuation that begins behind the newest event."""
        ...

    async def read(self, feed_range: str, continuation: str | None, limit: int) -> FeedPage:
        """Returns about `limit` items of the range after the continuation; with None, from its beginning.

        There may be more of them even if there are fewer. Raises FeedReset for a continuation of events that are gone.
        """
        ...

    def transactions(self, continuation: str | None) -> int:
        """Returns how many transactions of the range come before the continuation, or fewer."""
        ...

    def has_reached(self, continuation: str | None, head: str) -> bool:
        """Returns whether the continuation begins at `head` or behind it."""
        ...
