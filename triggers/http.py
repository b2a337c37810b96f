"""The REST interface: one method per function of HTTP."""

import asyncio
import base64
import binascii
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import azure.functions as func

from application.commands import Answer, CommandHandler
from application.queries import Queries
from domain.aggregates import ORDER, PAYMENT, STOCK
from eventstore.events import Recorded, StoredEvent
from projections.views.order_details import ORDER_DETAILS
from projections.views.order_history import ORDER_HISTORY
from projections.views.payment_status import PAYMENT_STATUS
from projections.views.stock_levels import STOCK_LEVELS
from triggers.http_answers import answer, to_json
from triggers.http_models import NAME_PATTERN, CancellationBody, PlaceOrderBody, ReceiptBody
from triggers.http_requests import is_current, read_command, read_moment, read_version
from triggers.problems import BadRequest, problem_of, unavailable

_ORDERS: Final = uuid.UUID("0f0a7d3c-6f5e-5d55-8d8e-5b1f2a3c4d5e")
_NAME: Final = re.compile(NAME_PATTERN)
_SORT_KEY: Final = re.compile(r"\d+~\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z~[A-Za-z0-9._-]{1,64}")
_PAGE: Final = 20
_MAX_PAGE: Final = 100

_STATUS: Final = {
    "OrderPlaced": "placed",
    "OrderConfirmed": "confirmed",
    "OrderShipped": "shipped",
    "OrderCancelled": "cancelled",
}

_log = logging.getLogger(__name__)


class Services(Protocol):
    """What the functions of HTTP need of the composition."""

    @property
    def commands(self) -> CommandHandler: ...

    @property
    def queries(self) -> Queries: ...


@dataclass(frozen=True, slots=True)
class HttpFunctions:
    """`services` connects on first use, so that a store that is away is a 503 and not a dead function."""

    services: Callable[[], Awaitable[Services]]
    trust_easyauth: bool

    async def place_order(self, req: func.HttpRequest) -> func.HttpResponse:
        async def place() -> func.HttpResponse:
            body, context = read_command(req, "/orders", PlaceOrderBody, trust_easyauth=self.trust_easyauth)
            order_id = str(uuid.uuid5(_ORDERS, context.command_id))
            commands = (await self.services()).commands
            placed = await commands.handle(
                ORDER, ORDER.stream_id(order_id), body.to_domain(order_id), context, probably_new=True
            )
            return _order_answer(order_id, placed, status=201, headers={"Location": f"/api/orders/{order_id}"})

        return await _answered(place)

    async def cancel_order(self, req: func.HttpRequest) -> func.HttpResponse:
        async def cancel() -> func.HttpResponse:
            order_id = _name(req, "orderId")
            route = f"/orders/{order_id}/cancellation"
            body, context = read_command(req, route, CancellationBody, trust_easyauth=self.trust_easyauth)
            commands = (await self.services()).commands
            cancelled = await commands.handle(ORDER, ORDER.stream_id(order_id), body.to_domain(), context)
            return _order_answer(order_id, cancelled)

        return await _answered(cancel)

    async def receive_stock(self, req: func.HttpRequest) -> func.HttpResponse:
        async def receive() -> func.HttpResponse:
            sku = _name(req, "sku")
            body, context = read_command(req, f"/stock/{sku}/receipts", ReceiptBody, trust_easyauth=self.trust_easyauth)
            commands = (await self.services()).commands
            received = await commands.handle(STOCK, STOCK.stream_id(sku), body.to_domain(sku), context)
            return answer(
                {"sku": sku, "stream": received.stream_id, "version": received.version}, version=received.version
            )

        return await _answered(receive)

    async def get_order(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            stream_id = ORDER.stream_id(_name(req, "orderId"))
            moment = read_moment(req)
            queries = (await self.services()).queries
            if moment.at_version is None and moment.as_of is None:
                seen = await queries.view(ORDER_DETAILS, stream_id, moment.min_version)
            else:
                seen = await queries.view_at(ORDER_DETAILS, stream_id, version=moment.at_version, time=moment.as_of)
            return _view_answer(req, seen.version, to_json(seen.view))

        return await _answered(get)

    async def get_payment(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            stream_id = PAYMENT.stream_id(_name(req, "orderId"))
            queries = (await self.services()).queries
            seen = await queries.view(PAYMENT_STATUS, stream_id, read_version(req, "minVersion"))
            return _view_answer(req, seen.version, to_json(seen.view))

        return await _answered(get)

    async def get_order_events(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            return await self._events(req, ORDER.stream_id(_name(req, "orderId")))

        return await _answered(get)

    async def get_stock_events(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            return await self._events(req, STOCK.stream_id(_name(req, "sku")))

        return await _answered(get)

    async def _events(self, req: func.HttpRequest, stream_id: str) -> func.HttpResponse:
        min_version = read_version(req, "minVersion")
        events = await (await self.services()).queries.events(stream_id, min_version)
        body = {"stream": stream_id, "events": [_event(stored, recorded) for stored, recorded in events]}
        return answer(body, version=events[-1][0].version)

    async def get_customer_orders(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            customer_id = _name(req, "customerId")
            limit = _limit(req)
            first, end = f"{ORDER_HISTORY.generation}~", f"{ORDER_HISTORY.generation}\x7f"
            below = _continuation(req) or end
            queries = (await self.services()).queries
            page = await queries.page(ORDER_HISTORY, customer_id, first, below, limit)
            body: dict[str, Any] = {"orders": [to_json(view) for view in page.views]}
            if page.next_below is not None:
                body["continuation"] = base64.urlsafe_b64encode(page.next_below.encode()).decode()
            return answer(body)

        return await _answered(get)

    async def get_stock(self, req: func.HttpRequest) -> func.HttpResponse:
        async def get() -> func.HttpResponse:
            stream_id = STOCK.stream_id(_name(req, "sku"))
            queries = (await self.services()).queries
            seen = await queries.view(STOCK_LEVELS, stream_id, read_version(req, "minVersion"))
            return _view_answer(req, seen.version, {**to_json(seen.view), "available": seen.view.available})

        return await _answered(get)

    async def health(self, _req: func.HttpRequest) -> func.HttpResponse:
        """The process is up. It says nothing about what the process depends on."""
        return answer({"status": "up"})


async def _answered(work: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """Turns whatever goes wrong into a problem. Nothing escapes: the worker answers an escaped cancellation never."""
    try:
        return await work()
    except asyncio.CancelledError:
        return unavailable(1)
    except Exception as error:  # noqa: BLE001 - the edge: every error has an answer
        response = problem_of(error)
        if response.status_code == 500:
            _log.exception("a request failed by a defect of the service")
        elif response.status_code == 503:
            _log.warning("a request was turned away: %s", error)
        return response


def _name(req: func.HttpRequest, parameter: str) -> str:
    value: str = req.route_params.get(parameter, "")
    if not _NAME.fullmatch(value):
        raise BadRequest(f"{parameter} must be 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen.")
    return value


def _limit(req: func.HttpRequest) -> int:
    text = req.params.get("limit", str(_PAGE))
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text) or int(text) > _MAX_PAGE:
        raise BadRequest(f"limit must be a whole number from 1 to {_MAX_PAGE}.")
    return int(text)


def _continuation(req: func.HttpRequest) -> str | None:
    text = req.params.get("continuation")
    if text is None:
        return None
    try:
        sort_key = base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        sort_key = ""
    if not _SORT_KEY.fullmatch(sort_key):
        raise BadRequest("continuation must be the one that the page before has answered.")
    return sort_key


def _order_answer(
    order_id: str, done: Answer, *, status: int = 200, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    body = {
        "orderId": order_id,
        "stream": done.stream_id,
        "version": done.version,
        "status": _STATUS[done.event_type],
    }
    return answer(body, status=status, version=done.version, headers=headers)


def _view_answer(req: func.HttpRequest, version: int, view: Mapping[str, Any]) -> func.HttpResponse:
    """The view with its version; 304 without a body for a client that has it already."""
    if is_current(req, version):
        return func.HttpResponse(status_code=304, headers={"ETag": f'"{version}"'})
    return answer({**view, "version": version}, version=version)


def _event(stored: StoredEvent, recorded: Recorded[Any]) -> dict[str, Any]:
    metadata = stored.metadata
    return {
        "version": stored.version,
        "type": stored.type,
        "data": to_json(recorded.event),
        "eventId": metadata.event_id,
        "occurredAt": to_json(metadata.occurred_at),
        "correlationId": metadata.correlation_id,
        "causationId": metadata.causation_id,
        "traceparent": metadata.traceparent,
        "actor": metadata.actor,
    }
