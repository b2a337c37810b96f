"""`order` tells the story of an order, and `state` shows the order as it was at one of its versions."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict

import azure.functions as func

from api.dashboard.problems import StreamUnreadable
from api.dashboard.reader import Reader
from api.dashboard.story import ToldEvent, asked_of_stock, told_event
from api.json_types import to_json
from domain.fulfilment.events import FulfilmentEvent
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.commands.errors import UnknownStream
from engine.errors import Unavailable
from engine.projecting.generations.known import query_of
from engine.projecting.query import StreamQuery
from engine.projecting.registry import read_model
from engine.projecting.timeline import timeline
from engine.services import Services
from engine.storing.codec import EventCodec
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import StoredEvent
from engine.storing.items import from_item
from engine.storing.pages import insist
from engine.storing.port import PAGE, EventStore
from engine.triggers.http_requests import NAME_PATTERN, read_id, read_version
from engine.triggers.parameters import Parameter
from engine.turns import in_turns
from projections.order_details import BY_ORDER, OrderDetails

DETAILS: Final = read_model("projections", "order_details")

_STREAMS_AT_ONCE: Final = 8

_ID: Final = Parameter("id", "query", {"type": "string", "pattern": NAME_PATTERN}, "The id of an order.")
_VERSION: Final = Parameter("version", "query", {"type": "integer", "minimum": 1}, "A version of the order's stream.")


class Unreadable(TypedDict):
    """Shows an item of a stream from which no event can be read, such as one that a script has put there."""

    stream: str
    id: str
    reason: str


class Story(TypedDict):
    """Shows the first thousand items of each stream; `more` names the streams that may have more."""

    orderId: str
    versions: Mapping[str, int]
    events: list[ToldEvent]
    unreadable: list[Unreadable]
    more: list[str]


async def _order(services: Services, req: func.HttpRequest) -> Story:
    order_id = read_id(req, "id")
    store, codec = services.queries.store, services.queries.codec
    stream_ids = [aggregate.stream_id(order_id) for aggregate in (ORDER, PAYMENT, FULFILMENT)]
    found = {stream_id: await _items(store, stream_id) for stream_id in stream_ids}
    if not any(found.values()):
        raise await _nothing(store, stream_ids[0])
    reading = _Reading(store)
    for stream_id, items in found.items():
        reading.take(stream_id, items)
    versions = {event.stream_id: event.version for event in reading.events}
    await reading.take_stock(asked_of_stock(_reactions(codec, reading.events)))
    return {
        "orderId": order_id,
        "versions": versions,
        "events": [told_event(told, _data(codec, told.event)) async for told in in_turns(timeline(reading.events))],
        "unreadable": reading.unreadable,
        "more": [stream_id for stream_id, items in found.items() if len(items) == PAGE],
    }


async def order_at(
    services: Services, order_id: str, *, version: int | None = None, time: datetime | None = None
) -> Mapping[str, Any]:
    """Returns the view of an order as it is, or as it was at a version or at a time.

    Raises UnknownStream and StreamUnreadable.
    """
    query = query_of(DETAILS, (await services.generations.read(DETAILS)).serving)
    assert isinstance(query, StreamQuery), "an order is one view"
    try:
        seen = await services.queries.view_at(query.projection, ORDER.stream_id(order_id), version=version, time=time)
    except UnknownStream as error:
        by_then = "" if time is None else ", or it was not placed by then"
        so_far = "" if version is None else ", or it has not come to this version"
        raise UnknownStream(error.stream_id, f"There is no such order{by_then}{so_far}.") from None
    except UndecodableEvent as error:
        raise StreamUnreadable(str(error)) from error
    return {**to_json(seen.view), **query.computed(seen.view), "version": seen.version}


async def _state(services: Services, req: func.HttpRequest) -> Mapping[str, Any]:
    return await order_at(services, read_id(req, "id"), version=read_version(req, "version"))


ORDER_STORY: Final = Reader("order", Story, _order, (_ID,))
ORDER_STATE: Final = Reader("state", OrderDetails, _state, (_ID, _VERSION))


class _Reading:
    """Collects the events of the streams, and what cannot be read there."""

    def __init__(self, store: EventStore) -> None:
        self.events: list[StoredEvent] = []
        self.unreadable: list[Unreadable] = []
        self._store = store

    def take(self, stream_id: str, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            try:
                self.events.append(from_item(item))
            except UndecodableEvent as error:
                self.unreadable.append({"stream": stream_id, "id": str(item.get("id")), "reason": str(error)})

    async def take_stock(self, asked: Mapping[str, Sequence[str]]) -> None:
        """Takes what came of the commands that were asked of each stream of stock.

        Those streams are far too long to be read: one query finds the events of the commands in each.
        """
        slots = asyncio.Semaphore(_STREAMS_AT_ONCE)

        async def one(stream_id: str, command_ids: Sequence[str]) -> None:
            async with slots:
                try:
                    self.events += await insist(lambda: self._store.of_commands(stream_id, command_ids))
                except UndecodableEvent as error:
                    self.unreadable.append({"stream": stream_id, "id": "", "reason": str(error)})

        await asyncio.gather(*(one(*each) for each in asked.items()))


async def _items(store: EventStore, stream_id: str) -> Sequence[Mapping[str, Any]]:
    return await insist(lambda: store.items(stream_id))


async def _nothing(store: EventStore, stream_id: str) -> Exception:
    """Returns the error for an order of which nothing is there, once the primary replica has confirmed it."""
    if await store.is_head(stream_id, 0):
        return UnknownStream(stream_id, BY_ORDER.unknown)
    return Unavailable(f"the replicas lag behind stream {stream_id}")


def _reactions(codec: EventCodec, events: Iterable[StoredEvent]) -> Iterable[tuple[StoredEvent, FulfilmentEvent]]:
    """Yields the events of the process that this build can read."""
    for stored in events:
        if stored.stream_id.startswith(f"{FULFILMENT.category}-"):
            try:
                yield stored, codec.event_of(stored)
            except (NewerEvent, UndecodableEvent):
                continue


def _data(codec: EventCodec, event: StoredEvent) -> Any:
    """Returns the data as clients see it; of an event that this build cannot read, as it lies in the store."""
    try:
        return to_json(codec.event_of(event))
    except (NewerEvent, UndecodableEvent):
        return event.data
