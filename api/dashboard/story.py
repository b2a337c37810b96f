"""The story of an order: every event that is about it, with its cause, the function that made it, and what it cost.

It is told by functions of the events alone; `orders.py` reads them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict

from api.dashboard.traces import trace_id
from domain.fulfilment.events import FulfilmentEvent
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from engine.projecting.timeline import Told
from engine.reacting.relay import issued_id
from engine.storing.charging import charge_of_create
from engine.storing.containers import EVENTS
from engine.storing.events import StoredEvent, time_at_rest
from engine.storing.items import to_item

REQUESTED_BY: Final[Mapping[str, str]] = {
    "OrderPlaced": "place_order",
    "OrderCancelled": "cancel_order",
    "OrderShipped": "ship_order",
    "PaymentProcessed": "report_payment",
    "PaymentDeclined": "report_payment",
    "SurplusReceived": "report_payment",
    "SurplusRefunded": "report_payment",
    "StockReceived": "receive_stock",
}
"""Maps the events that clients ask for to the functions that take those requests, one for each."""


class Cause(TypedDict):
    stream: str
    version: int
    type: str


class ToldEvent(TypedDict):
    """Shows an event. `bytes` are those of its item, without what Cosmos DB adds; `charge` is a model, in RU.

    `cause` is the event that caused it; None where a client asked for it, or what caused it is not shown. `function` is
    None where this build does not know the event.
    """

    stream: str
    category: str
    version: int
    type: str
    at: str
    eventId: str
    correlationId: str
    causationId: str
    cause: Cause | None
    function: str | None
    actor: str
    trace: str | None
    bytes: int
    charge: float
    data: Any


def told_event(told: Told, data: Any) -> ToldEvent:
    """Returns what is told of an event; `data` is its data as it is shown."""
    event, metadata = told.event, told.event.metadata
    size = _bytes(event)
    return {
        "stream": event.stream_id,
        "category": category_of(event.stream_id),
        "version": event.version,
        "type": event.type,
        "at": time_at_rest(metadata.occurred_at),
        "eventId": metadata.event_id,
        "correlationId": metadata.correlation_id,
        "causationId": metadata.causation_id,
        "cause": None if told.cause is None else _cause(told.cause),
        "function": function_of(event.stream_id, event.type, metadata.causation_id, metadata.correlation_id),
        "actor": metadata.actor,
        "trace": trace_id(metadata.traceparent),
        "bytes": size,
        # The id is indexed as well.
        "charge": charge_of_create(size, len(EVENTS.indexed) + 1),
        "data": data,
    }


def function_of(stream_id: str, event_type: str, causation_id: str, correlation_id: str) -> str | None:
    """Returns the name of the function that made an event; None where this build does not know the event.

    The event itself does not say. But `react` alone writes the streams of processes; what a client asks for begins a
    conversation, so that both ids are those of its command, and each such event comes by one route; and everything else
    is asked for by a process, whose commands `handle_command` carries out. It also carries out what a client asks for
    with `Prefer: respond-async`: there, the function is named that took the request.
    """
    if category_of(stream_id) == FULFILMENT.category:
        return "react"
    if causation_id == correlation_id:
        return REQUESTED_BY.get(event_type)
    return "handle_command"


def asked_of_stock(reactions: Iterable[tuple[StoredEvent, FulfilmentEvent]]) -> Mapping[str, Sequence[str]]:
    """Returns the ids of the commands that the process of an order has issued to each stream of stock."""
    command_ids = defaultdict[str, list[str]](list)
    for stored, event in reactions:
        for index, issued in enumerate(event.issued):
            if issued.category == STOCK.category:
                stream_id = STOCK.stream_id(issued.entity_id)
                command_ids[stream_id].append(issued_id(stored.metadata.event_id, index))
    return command_ids


def category_of(stream_id: str) -> str:
    return stream_id.partition("-")[0]


def _cause(event: StoredEvent) -> Cause:
    return {"stream": event.stream_id, "version": event.version, "type": event.type}


def _bytes(event: StoredEvent) -> int:
    text = json.dumps(to_item(event), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))
