"""`search` finds orders by their id, by that of their customer, and by the correlation id of a conversation about them.

A correlation id is the id of the command that began the conversation, which the store finds by its index of command
keys: so the events have no other index, and an append costs nothing more.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

import azure.functions as func

from api.dashboard.orders import DETAILS
from api.dashboard.reader import Reader
from api.json_types import to_json
from domain.order.aggregate import ORDER
from domain.order.events import OrderStatus
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.commands.errors import UnknownStream
from engine.projecting.generations.known import query_of
from engine.projecting.query import StreamQuery
from engine.projecting.registry import read_model
from engine.services import Services
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.triggers.http_requests import USUAL_VIEWS, continuation_of, read_text
from engine.triggers.paging import read_place
from engine.triggers.parameters import CONTINUATION, Parameter

HISTORY: Final = read_model("projections", "order_history")

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_ABOUT_ORDERS: Final = frozenset(each.category for each in (ORDER, PAYMENT, FULFILMENT))

_Q: Final = Parameter("q", "query", {"type": "string"}, "The id of an order or of a customer, or a correlation id.")

By = Literal["order", "customer", "correlation"]


class FoundOrder(TypedDict):
    """Shows an order, and by what it was found; of one that cannot be shown, nothing but its id."""

    orderId: str
    customerId: str | None
    status: OrderStatus | None
    placedAt: str | None
    by: By


class Found(TypedDict):
    orders: list[FoundOrder]
    continuation: NotRequired[str]


async def _search(services: Services, req: func.HttpRequest) -> Found:
    q = read_text(req, "q")
    query, place = read_place(req, HISTORY, await services.generations.read(HISTORY))
    orders: dict[str, FoundOrder] = {}
    if "continuation" not in req.params:
        async for each in _by_order_and_correlation(services, q):
            orders.setdefault(each["orderId"], each)
    if not _NAME.fullmatch(q):
        return {"orders": [*orders.values()]}
    page = await services.queries.page(query.projection, q, *place, USUAL_VIEWS)
    for view in page.views:
        found = _shown(to_json(view), "customer")
        orders.setdefault(found["orderId"], found)
    answer: Found = {"orders": [*orders.values()]}
    if page.next_below is not None:
        answer["continuation"] = continuation_of(page.next_below)
    return answer


SEARCH: Final = Reader("search", Found, _search, (_Q, CONTINUATION))


async def _by_order_and_correlation(services: Services, q: str) -> AsyncIterator[FoundOrder]:
    if _NAME.fullmatch(q) and (found := await _order(services, q, "order")):
        yield found
    if not _COMMAND_ID.fullmatch(q):
        return
    for stream_id in await services.queries.store.streams_of(q):
        category, _, order_id = stream_id.partition("-")
        if category in _ABOUT_ORDERS:
            yield await _order(services, order_id, "correlation") or _unknown(order_id, "correlation")


async def _order(services: Services, order_id: str, by: By) -> FoundOrder | None:
    """Returns what is known of an order; None if there is no such order."""
    query = query_of(DETAILS, (await services.generations.read(DETAILS)).serving)
    assert isinstance(query, StreamQuery), "an order is one view"
    try:
        seen = await services.queries.view(query.projection, ORDER.stream_id(order_id))
    except UnknownStream:
        return None
    except (NewerEvent, UndecodableEvent):
        return _unknown(order_id, by)
    return _shown(to_json(seen.view), by)


def _shown(view: Mapping[str, Any], by: By) -> FoundOrder:
    return {
        "orderId": view["orderId"],
        "customerId": view["customerId"],
        "status": view["status"],
        "placedAt": view["placedAt"],
        "by": by,
    }


def _unknown(order_id: str, by: By) -> FoundOrder:
    return {"orderId": order_id, "customerId": None, "status": None, "placedAt": None, "by": by}
