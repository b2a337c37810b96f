"""Histories of guests and houses at any time, and what a straight fold counts of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import msgspec

from engine.projecting.counting.rollup import Rollup
from engine.projecting.counting.sums import RollupReader, Span
from engine.storing.events import StoredEvent
from engine.storing.items import to_item
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Head
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS, contributions
from tests.engine.toy.registry import CODEC

Item = Mapping[str, Any]
Tally = Mapping[tuple[datetime, str, str], int]


@dataclass
class Log:
    """What happened, in a store, and as transactions of the feed."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    transactions: list[list[Item]] = field(default_factory=list)
    _streams: dict[str, list[StoredEvent]] = field(default_factory=dict)

    async def happened(self, stream_id: str, events: Iterable[object], *times: datetime) -> list[Item]:
        """Appends the events in one transaction, each with its time, or all with one."""
        before = self._streams.setdefault(stream_id, [])
        head = Head(before[-1].version, before[-1].metadata.event_id) if before else Head(0, "")
        stored = [
            _at(stored_event(CODEC, stream_id, version, event), times[min(number, len(times) - 1)])
            for number, (version, event) in enumerate(enumerate(events, start=head.version + 1))
        ]
        await self.store.append(stream_id, head, stored)
        before += stored
        self.transactions.append([to_item(each) for each in stored])
        return self.transactions[-1]

    def feed(self, chance: Random) -> list[Item]:
        """The transactions in their order, each in any order within."""
        return [item for each in self.transactions for item in chance.sample(each, len(each))]

    def tally(self) -> Tally:
        """What the events add up to, one after the other; nothing that is zero."""
        sums = Counter[tuple[datetime, str, str]]()
        for events in self._streams.values():
            first = CODEC.decode(events[0])
            for each in map(CODEC.decode, events):
                minute = each.occurred_at.replace(second=0, microsecond=0)
                for added in contributions(each, first):
                    sums[minute, added.series, added.measure] += added.amount
        return {key: amount for key, amount in sums.items() if amount}


async def counted(reader: RollupReader, span: Span, rollup: Rollup = HOUSE_VISITS) -> Tally:
    """What the rollup shows; nothing that is zero."""
    rows = await reader.rows(rollup, span)
    return {(row.minute, row.series, measure): sum_ for row in rows for measure, sum_ in row.sums.items() if sum_}


def cut(feed: Sequence[Item], chance: Random) -> Iterable[Sequence[Item]]:
    """Batches of any size, which overlap as far as they like."""
    at = 0
    while at < len(feed):
        end = chance.randint(at + 1, len(feed))
        yield feed[max(0, at - chance.randint(0, 3)) : end]
        at = end


def _at(event: StoredEvent, time: datetime) -> StoredEvent:
    metadata = msgspec.structs.replace(event.metadata, occurred_at=time)
    return msgspec.structs.replace(event, metadata=metadata)
