"""The change feed of the event store in memory, for tests: what was committed, in ranges that a test may split."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.consuming.feed.leases import lease_of, monitored
from engine.consuming.feed.port import WHOLE, FeedPage, FeedRange, Lease
from engine.storing.errors import FeedReset
from engine.storing.memory import MemoryEventStore

_RID = "TQAQAYAAAAI="


class MemoryEventFeed:
    """Implements `EventFeed`. A test sets `split_at` and the `documents` of the trigger's leases.

    An item was written at the time in its metadata.
    """

    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store
        self.of = monitored("localhost", _RID)
        self.split_at: list[str] = []
        self.documents: list[Mapping[str, Any]] = []

    async def ranges(self) -> Sequence[FeedRange]:
        borders = ["", *self.split_at, "FF"]
        return [FeedRange(low, high) for low, high in itertools.pairwise(borders)]

    async def leases(self) -> Sequence[Lease]:
        return [lease_of(each, self.of) for each in self.documents if self.of in each["id"]]

    async def head(self, where: FeedRange) -> str:  # noqa: ARG002 - all ranges count the same transactions
        return f'"{len(self._store.transactions())}"'

    def has_reached(self, position: str | None, head: str) -> bool:
        return self.transactions(position) >= self.transactions(head)

    def transactions(self, position: str | None) -> int:
        return int((position or "0").strip('"'))

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        transactions = self._store.transactions()
        position, newest = self.transactions(after), len(transactions)
        if position > newest:
            raise FeedReset
        items: list[Mapping[str, Any]] = []
        for lsn in range(position + 1, newest + 1):
            position = lsn
            items += [_item(each, lsn) for each in transactions[lsn - 1] if _is_in(where, each["streamId"])]
            if len(items) >= limit:
                break
        return FeedPage(items, f'"{position}"', newest)


class Snapshot:
    """Implements `ChangeFeed` over the items of a read model as they are now, each in a transaction of its own."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        self._items = [{**item, "_ts": 0, "_lsn": lsn} for lsn, item in enumerate(items, start=1)]

    async def ranges(self) -> Sequence[FeedRange]:
        return [WHOLE]

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:  # noqa: ARG002 - there is one
        first = int(after or 0)
        items = self._items[first : first + limit]
        return FeedPage(items, str(first + len(items)), len(self._items))


def _item(item: Mapping[str, Any], lsn: int) -> Mapping[str, Any]:
    written_at = item["metadata"].get("occurredAt", "1970-01-01T00:00:00Z")
    return {**item, "_lsn": lsn, "_ts": int(datetime.fromisoformat(written_at).timestamp())}


def _is_in(where: FeedRange, stream_id: str) -> bool:
    hashed = f"{zlib.crc32(stream_id.encode()):08X}"
    return where.covers(WHOLE) or where.low <= hashed < where.high
