"""The change feed of the event store in memory, for tests: what was committed, in ranges that a test may split."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.consuming.feed.leases import lease_of, monitored
from engine.consuming.feed.port import WHOLE, FeedPage, FeedRange, Lease
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

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        transactions = self._store.transactions()
        position, newest = int((after or "0").strip('"')), len(transactions)
        items: list[Mapping[str, Any]] = []
        for lsn in range(position + 1, newest + 1):
            position = lsn
            items += [_item(each, lsn) for each in transactions[lsn - 1] if _is_in(where, each["streamId"])]
            if len(items) >= limit:
                break
        return FeedPage(items, f'"{position}"' if items else after, newest, charge=1.0)


def _item(item: Mapping[str, Any], lsn: int) -> Mapping[str, Any]:
    written_at = item["metadata"].get("occurredAt", "1970-01-01T00:00:00Z")
    return {**item, "_lsn": lsn, "_ts": int(datetime.fromisoformat(written_at).timestamp())}


def _is_in(where: FeedRange, stream_id: str) -> bool:
    hashed = f"{zlib.crc32(stream_id.encode()):08X}"
    return where.covers(WHOLE) or where.low <= hashed < where.high
