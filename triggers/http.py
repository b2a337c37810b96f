"""The REST interface: one method per function of HTTP."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import azure.functions as func

from application.commands import Answer, CommandContext, CommandHandler
from application.queries import Queries
from consumers.asynchronous import AsynchronousCommands
from consumers.commands import envelope_of
from domain.aggregate import Aggregate
from domain.aggregates import FULFILMENT, ORDER, PAYMENT, STOCK
from projections.views.order_details import ORDER_DETAILS
from projections.views.order_history import ORDER_HISTORY
from projections.views.payment_status import PAYMENT_STATUS
from projections.views.stock_levels import STOCK_LEVELS
from triggers.http_answers import accepted_answer, answer, answered, event_json, outcome_answer, view_answer
from triggers.http_json import to_json
from triggers.http_models import CancellationBody, PaymentBody, PlaceOrderBody, ReceiptBody, ShipmentBody
from triggers.http_requests import (
    continuation_of,
    prefers_async,
    read_command,
    read_continuation,
    read_limit,
    read_moment,
    read_name,
    read_switch,
    read_version,
)

_ORDERS: Final = uuid.UUID("0f0a7d3c-6f5e-5d55-8d8e-5b1f2a3c4d5e")
"""The namespace of order ids, which are derived from the ids of the commands that place them."""

_STATUS: Final = {
    "OrderPlaced": "placed",
    "OrderConfirmed": "confirmed",
    "OrderShipped": "shipped",
    "OrderCancelled": "cancelled",
    "PaymentRequested": "requested",
    "PaymentProcessed": "processed",
    "PaymentDeclined": "declined",
    "PaymentExpired": "expired",
    "PaymentRefunded": "refunded",
}


class Services(Protocol):
    """What the functions of HTTP need of the composition."""

    @property
    def commands(self) -> CommandHandler: ...

    @property
    def asynchronous(self) -> AsynchronousCommands: ...

    @property
    def queries(self) -> Queries: ...


@dataclass(frozen=True, slots=True)
class _Command:
    """What a request asks for, and of which stream."""

    aggregate: Aggregate[Any, Any, Any]
    entity_id: str
    command: object
    context: CommandContext


@dataclass(frozen=True, slots=True)
class HttpFunctions:
    """`services` connects on first use, so that a store that is away is a 503 and not a dead function."""

    services: Callable[[], Awaitable[Services]]
    trust_easyauth: bool

    @answered
    async def place_order(self, req: func.HttpRequest) -> func.HttpResponse:
        body, context = read_command(req, "/orders", PlaceOrderBody, trust_easyauth=self.trust_easyauth)
        order_id = str(uuid.uuid5(_ORDERS, context.command_id))
        placing = _Command(ORDER, order_id, body.to_domain(order_id), context)

        def placed(done: Answer) -> func.HttpResponse:
            return _order_answer(order_id, done, status=201, headers={"Location": f"/api/orders/{order_id}"})

        return await self._carry_out(req, placing, placed, probably_new=True)

    @answered
    async def cancel_order(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        route = f"/orders/{order_id}/cancellation"
        body, context = read_command(req, route, CancellationBody, trust_easyauth=self.trust_easyauth)
        cancelling = _Command(ORDER, order_id, body.to_domain(), context)
        return await self._carry_out(req, cancelling, partial(_order_answer, order_id))

    @answered
    async def report_payment(self, req: func.HttpRequest) -> func.HttpResponse:
        """The webhook of the payment provider, which sends no keys: a report is known by its reference."""
        order_id = read_name(req, "orderId")
        route = f"/orders/{order_id}/payment"
        body, context = read_command(
            req, route, PaymentBody, trust_easyauth=self.trust_easyauth, key_of=lambda body: body.key
        )
        reporting = _Command(PAYMENT, order_id, body.to_domain(), context)
        return await self._carry_out(req, reporting, partial(_order_answer, order_id))

    @answered
    async def ship_order(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        route = f"/orders/{order_id}/shipment"
        body, context = read_command(req, route, ShipmentBody, trust_easyauth=self.trust_easyauth)
        shipping = _Command(ORDER, order_id, body.to_domain(), context)
        return await self._carry_out(req, shipping, partial(_order_answer, order_id))

    @answered
    async def receive_stock(self, req: func.HttpRequest) -> func.HttpResponse:
        sku = read_name(req, "sku")
        body, context = read_command(req, f"/stock/{sku}/receipts", ReceiptBody, trust_easyauth=self.trust_easyauth)
        receiving = _Command(STOCK, sku, body.to_domain(sku), context)

        def received(done: Answer) -> func.HttpResponse:
            return answer({"sku": sku, "stream": done.stream_id, "version": done.version}, version=done.version)

        return await self._carry_out(req, receiving, received)

    @answered
    async def get_command(self, req: func.HttpRequest) -> func.HttpResponse:
        command_id = read_name(req, "commandId")
        outcome = await (await self.services()).asynchronous.outcome(command_id)
        return outcome_answer(outcome)

    @answered
    async def get_order(self, req: func.HttpRequest) -> func.HttpResponse:
        stream_id = ORDER.stream_id(read_name(req, "orderId"))
        moment = read_moment(req)
        queries = (await self.services()).queries
        if moment.at_version is None and moment.as_of is None:
            seen = await queries.view(ORDER_DETAILS, stream_id, moment.min_version)
        else:
            seen = await queries.view_at(ORDER_DETAILS, stream_id, version=moment.at_version, time=moment.as_of)
        return view_answer(req, seen.version, to_json(seen.view))

    @answered
    async def get_order_events(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        if not read_switch(req, "all"):
            return await self._events(req, ORDER.stream_id(order_id))
        others = (PAYMENT.stream_id(order_id), FULFILMENT.stream_id(order_id))
        queries = (await self.services()).queries
        story = await queries.story(ORDER.stream_id(order_id), others, read_version(req, "minVersion"))
        return answer({"events": [{"stream": each[0].stream_id, **event_json(*each)} for each in story]})

    @answered
    async def get_payment(self, req: func.HttpRequest) -> func.HttpResponse:
        stream_id = PAYMENT.stream_id(read_name(req, "orderId"))
        queries = (await self.services()).queries
        seen = await queries.view(PAYMENT_STATUS, stream_id, read_version(req, "minVersion"))
        return view_answer(req, seen.version, to_json(seen.view))

    @answered
    async def get_customer_orders(self, req: func.HttpRequest) -> func.HttpResponse:
        customer_id, limit = read_name(req, "customerId"), read_limit(req)
        first, end = f"{ORDER_HISTORY.generation}~", f"{ORDER_HISTORY.generation}\x7f"
        below = read_continuation(req) or end
        page = await (await self.services()).queries.page(ORDER_HISTORY, customer_id, first, below, limit)
        more = {} if page.next_below is None else {"continuation": continuation_of(page.next_below)}
        return answer({"orders": [to_json(view) for view in page.views], **more})

    @answered
    async def get_stock(self, req: func.HttpRequest) -> func.HttpResponse:
        stream_id = STOCK.stream_id(read_name(req, "sku"))
        queries = (await self.services()).queries
        seen = await queries.view(STOCK_LEVELS, stream_id, read_version(req, "minVersion"))
        return view_answer(req, seen.version, {**to_json(seen.view), "available": seen.view.available})

    @answered
    async def get_stock_events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self._events(req, STOCK.stream_id(read_name(req, "sku")))

    @answered
    async def health(self, _req: func.HttpRequest) -> func.HttpResponse:
        """The process is up. It says nothing about what the process depends on."""
        return answer({"status": "up"})

    async def _carry_out(
        self,
        req: func.HttpRequest,
        command: _Command,
        answer_of: Callable[[Answer], func.HttpResponse],
        *,
        probably_new: bool = False,
    ) -> func.HttpResponse:
        """Now, with the answer of the command; or later, where the client prefers that."""
        services = await self.services()
        stream_id = command.aggregate.stream_id(command.entity_id)
        if prefers_async(req):
            envelope = envelope_of(command.context, stream_id, command.command)
            return accepted_answer(envelope.command_id, await services.asynchronous.accept(envelope))
        done = await services.commands.handle(
            command.aggregate, stream_id, command.command, command.context, probably_new=probably_new
        )
        return answer_of(done)

    async def _events(self, req: func.HttpRequest, stream_id: str) -> func.HttpResponse:
        min_version = read_version(req, "minVersion")
        events = await (await self.services()).queries.events(stream_id, min_version)
        body: dict[str, Any] = {"stream": stream_id, "events": [event_json(*each) for each in events]}
        return answer(body, version=events[-1][0].version)


def _order_answer(
    order_id: str, done: Answer, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    body = {
        "orderId": order_id,
        "stream": done.stream_id,
        "version": done.version,
        "status": _STATUS[done.event_type],
    }
    return answer(body, status=status, version=done.version, headers=headers)
