"""The Functions host rewrites texts of the documents that it delivers, so some events are read again from the store.

It rewrites every string of a document that looks like an ISO 8601 date-time (`2026-01-02T03:04:05.000Z` becomes
`2026-01-02T03:04:05Z`, `/Date(1700000000000)/` becomes a date-time). A rewritten string still looks like a date-time,
so an event whose data holds such a text is read again.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from engine.storing.errors import HoleInStream
from engine.storing.events import StoredEvent
from engine.storing.items import from_item
from engine.storing.pages import pages
from engine.storing.port import EventStore
from engine.turns import in_turns

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


async def as_written(store: EventStore, stream_id: str, items: Iterable[Mapping[str, Any]]) -> list[StoredEvent]:
    """Returns the events of these items of one stream, by version, with the texts that were appended.

    If one of them has to be read again, the result also has the events between the first and the last item. Raises
    UndecodableEvent, HoleInStream while the store does not show the events yet, and the errors of the store.
    """
    events, rewritten = list[StoredEvent](), False
    async for item in in_turns(items):
        event = from_item(item)
        events.append(event)
        rewritten = rewritten or may_be_rewritten(event.data)
    events.sort(key=lambda event: event.version)
    if not rewritten:
        return events
    first, last = events[0].version, events[-1].version
    written = [event async for page in pages(store, stream_id, first - 1, last) for event in page]
    if not written or written[-1].version < last:
        raise HoleInStream(f"the store does not show event {last} of {stream_id} yet")
    return written


def may_be_rewritten(data: Any) -> bool:
    """Returns whether any text in `data` looks like a date-time; property names do not count."""
    if isinstance(data, str):
        return _DATE_TIME.match(data) is not None
    if isinstance(data, Mapping):
        return any(may_be_rewritten(value) for value in data.values())
    if isinstance(data, (list, tuple)):
        return any(may_be_rewritten(value) for value in data)
    return False


EventsOf = Callable[[str, Sequence[Mapping[str, Any]]], Awaitable[Sequence[StoredEvent]]]
"""Returns the events of items of one stream, in order."""


async def as_read(_: str, items: Sequence[Mapping[str, Any]]) -> Sequence[StoredEvent]:
    """Returns the events of items that the store itself has given: no host has rewritten them."""
    return sorted(map(from_item, items), key=lambda event: event.version)
