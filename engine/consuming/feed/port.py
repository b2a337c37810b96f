"""`ChangeFeed` and `EventFeed` are the ports for a look at change feeds; `memory.py` and `cosmos.py` implement them.

The trigger of the functions follows the feed of the events by itself. These ports are for tools, which have no leases:
how far the functions are behind, what has been written, and a rebuild of a read model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol


class FeedRange(NamedTuple):
    """Holds a part of the feed: the hashes of partition keys from `low` up to `high`, which is not part of it.

    Hashes are hexadecimal texts, from the empty one to `FF`; they compare like texts.
    """

    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.low or '00'}-{self.high}"

    def covers(self, other: "FeedRange") -> bool:
        return self.low <= other.low and other.high <= self.high


WHOLE: Final = FeedRange("", "FF")


@dataclass(frozen=True, slots=True)
class Lease:
    """Says how far one function has come in one range. `prefix` is the function's, as function_app.py gives it.

    `owner` is the host that has it, or had it when it crashed; None if it was given back or never taken.
    `continuation` is None until the first batch was handled, which is then the first of the feed.
    """

    prefix: str
    range: FeedRange
    owner: str | None
    renewed_at: datetime | None
    continuation: str | None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Holds items in the order of the feed, and the position after them; no items: there are no others.

    `newest` is the number of the newest transaction of the partition that answered, in the sequence of the items'
    `_lsn`.
    """

    items: Sequence[Mapping[str, Any]]
    position: str
    newest: int


class ChangeFeed(Protocol):
    """Brings each item of a container, as it was written last. All methods raise Unavailable and AccessRefused.

    Replicas may lag: the newest items may be missing.
    """

    async def ranges(self) -> Sequence[FeedRange]:
        """Returns the ranges that the feed has now, in order: one per physical partition."""
        ...

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        """Returns the next page of a range, of about `limit` items; a transaction is never torn.

        `after` is the position of the page before, or the continuation of a lease; with None, it is the first page. A
        range can be read on when the partitions behind it are split. Raises FeedReset for a position among items that
        are gone.
        """
        ...


class EventFeed(ChangeFeed, Protocol):
    """Brings the events, and knows where it ends and who follows it. A stream is in one range."""

    async def head(self, where: FeedRange) -> str:
        """Returns the position behind the newest event of a range."""
        ...

    def has_reached(self, position: str | None, head: str) -> bool:
        """Returns whether a position of the same range is at `head`, or behind it."""
        ...

    def transactions(self, position: str | None) -> int:
        """Returns how many transactions of the range come before the position, or fewer."""
        ...

    async def leases(self) -> Sequence[Lease]:
        """Returns the leases of all functions that follow this feed; those of other containers are left out.

        They may be those of a moment before.
        """
        ...
