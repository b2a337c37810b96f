"""A store with its feed, the views, and the projector between them; and a feed that delivers in any way it may."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from engine.assembly import Domain, Surroundings
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.errors import Throttled, Unavailable
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import StoredDocument, ViewConflict, ViewKey
from engine.projecting.projection import Projection
from engine.projecting.projector import Projector
from engine.storing.codec import EventCodec
from engine.storing.events import Metadata, StoredEvent
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.storing.port import Head
from engine.testing.times import NOON
from tests.engine.toy.registry import DOMAIN
from tests.engine.world import services_over


class Views(MemoryViewStore):
    """Counts what is read and written, and lets others go first."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self.written = 0
        self.conflicts = 0
        self.away = False
        self.throttled: Callable[[ViewKey], bool] = lambda _: False

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        if self.away:
            raise Unavailable("away")
        self.read += 1
        return await super().get(container, key)

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> str:
        if self.away:
            raise Unavailable("away")
        if self.conflicts:
            self.conflicts -= 1
            raise ViewConflict("somebody else")
        if self.throttled(key):
            raise Throttled("429", retry_after=2.5)
        etag = await super().put(container, key, document, etag)
        self.written += 1
        return etag


class Feeding:
    def __init__(self, domain: Domain = DOMAIN) -> None:
        self.store = MemoryEventStore()
        self.views = Views()
        self.now = NOON
        """It moves on while somebody waits."""
        surroundings = Surroundings(clock=lambda: self.now, sleep=self._pause)
        self.snapshots = MemorySnapshotStore()
        self.parked_streams = MemoryParkedStreams()
        self._process = partial(
            services_over,
            self.store,
            domain=domain,
            views=self.views,
            snapshots=self.snapshots,
            parked_streams=self.parked_streams,
            surroundings=surroundings,
        )
        services = self._process()
        self.projector, self.refold = services.projector, services.refold
        self._codec = EventCodec.of(domain.aggregates)
        self._heads: dict[str, Head] = {}

    def another_projector(self) -> Projector:
        """Returns that of another process, over the same stores."""
        return self._process().projector

    async def happened(self, stream_id: str, *events: object) -> list[dict[str, Any]]:
        """Appends the events in one transaction and gives their items, as the feed would."""
        position = self.store.commits().position
        head = self._heads.get(stream_id, Head(0, ""))
        stored = [
            stored_event(self._codec, stream_id, version, event)
            for version, event in enumerate(events, start=head.version + 1)
        ]
        await self.store.append(stream_id, head, stored)
        self._heads[stream_id] = Head(stored[-1].version, stored[-1].metadata.event_id)
        return list(self.store.commits(position).items)

    async def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        # Whoever can go on does so first.
        for _ in range(100):
            await asyncio.sleep(0)

    def backup(self) -> dict[Any, tuple[str, str]]:
        return dict(self.views._documents)

    def restore(self, backup: dict[Any, tuple[str, str]]) -> None:
        self.views._documents = dict(backup)

    def documents(self) -> dict[Any, str]:
        """All that was written, by container and key."""
        return {key: text for key, (text, _) in self.views._documents.items()}


def stored_event(codec: EventCodec, stream_id: str, version: int, event: object) -> StoredEvent:
    type_, schema, data = codec.encode(event)
    metadata = Metadata(f"{stream_id}/{version}", NOON, "c", "c", "t", "a", "f")
    return StoredEvent(stream_id, version, type_, schema, f"{stream_id}-{version}/0", data, metadata)


async def views_of_both(
    domain: Domain, projections: Sequence[Projection[Any]], histories: Mapping[str, Sequence[object]], chance: Random
) -> tuple[dict[Any, str], dict[Any, str]]:
    """The documents after these histories: delivered whole and in order, and as the feed may deliver at its worst.

    That is in any cut into batches, in any order within a transaction, with any repetition, to either of two owners of
    a lease; and once, views and feed are set back to an earlier moment.
    """
    plain, hostile = Feeding(domain), Feeding(domain)
    transactions: list[list[dict[str, Any]]] = []
    for stream_id, history in histories.items():
        rest = list(history)
        while rest:
            cut = chance.randint(1, len(rest))
            await plain.happened(stream_id, *rest[:cut])
            transactions.append(await hostile.happened(stream_id, *rest[:cut]))
            rest = rest[cut:]
    feed = [item for transaction in transactions for item in chance.sample(transaction, len(transaction))]
    owners = [hostile.projector, hostile.another_projector()]
    for projection in projections:
        await plain.projector.run(projection, plain.store.commits().items)
        at, may_be_restored = 0, True
        moment, backup = at, hostile.backup()
        while at < len(feed):
            end = chance.randint(at + 1, len(feed))
            await chance.choice(owners).run(projection, feed[max(0, at - chance.randint(0, 3)) : end])
            at = end
            if chance.random() < 0.3:
                moment, backup = at, hostile.backup()
            if may_be_restored and chance.random() < 0.3:
                may_be_restored = False
                hostile.restore(backup)
                at = moment
    return plain.documents(), hostile.documents()
