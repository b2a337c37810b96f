"""A house with as many events as it takes, without a command for each."""

from typing import Final

from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import MAX_EVENTS
from engine.storing.port import EventStore, Head
from engine.testing.times import NOON
from tests.engine.toy.house import BedsAdded
from tests.engine.toy.registry import CODEC

HOUSE_STREAM: Final = "house-hill"


async def filled_with_beds(store: EventStore, count: int, *, own: int = 0) -> None:
    """Appends `count` events, a bed each; that of version `own` is of the command `own`."""
    type_, schema, data = CODEC.encode(BedsAdded("hill", 1))
    newest = await store.newest(HOUSE_STREAM, 1)
    head = Head(newest[-1].version, newest[-1].metadata.event_id) if newest else Head(0, "")
    last = head.version + count
    while head.version < last:
        events = [
            StoredEvent(
                HOUSE_STREAM,
                version,
                type_,
                schema,
                "own/0" if version == own else f"command-{version}/0",
                data,
                Metadata(f"e-{version}", NOON, "c", "c", "t", "a", "f"),
            )
            for version in range(head.version + 1, min(head.version + MAX_EVENTS, last) + 1)
        ]
        assert (await store.append(HOUSE_STREAM, head, events)).history_intact
        head = Head(events[-1].version, events[-1].metadata.event_id)
