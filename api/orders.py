"""An order is placed, cancelled and shipped over HTTP, and its events are shown."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Self

import azure.functions as func
from pydantic import Field, model_validator

from api.answers import OrderAnswer, order_answer
from api.bodies import Body, Label, MoneyBody, Name, Quantity, Reason
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder, ShipOrder
from domain.order.decisions import (
    InvalidOrder,
    OrderAlreadyShipped,
    OrderIsCancelled,
    OrderNotConfirmed,
    OrderNotFound,
)
from domain.order.events import OrderLine
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.commands.handler import CommandResult
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answered
from engine.triggers.http_requests import read_name, read_switch
from engine.triggers.operations import command, described, events

_ORDERS: Final = uuid.UUID("0f0a7d3c-6f5e-5d55-8d8e-5b1f2a3c4d5e")
"""This is the namespace of order ids, which are derived from the ids of the commands that place them."""


class LineBody(Body):
    sku: Name
    quantity: Quantity
    unit_price: MoneyBody


class PlaceOrderBody(Body):
    customer_id: Name
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _has_one_currency(self) -> Self:
        if len({line.unit_price.currency for line in self.lines}) > 1:
            raise ValueError("all lines of an order have the same currency")
        return self

    def to_domain(self, order_id: str) -> PlaceOrder:
        lines = (OrderLine(line.sku, line.quantity, line.unit_price.to_domain()) for line in self.lines)
        return PlaceOrder(order_id, self.customer_id, tuple(lines))


class CancellationBody(Body):
    reason: Reason

    def to_domain(self) -> CancelOrder:
        return CancelOrder(self.reason)


class ShipmentBody(Body):
    carrier: Label
    tracking_number: Label

    def to_domain(self) -> ShipOrder:
        return ShipOrder(self.carrier, self.tracking_number)


@dataclass(frozen=True, slots=True)
class OrderFunctions:
    http: HttpFunctions

    @answered
    @described(
        command(
            "place_order",
            "Places an order",
            PlaceOrderBody,
            OrderAnswer,
            example={
                "customerId": "ada",
                "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
            },
            refusals=(InvalidOrder("The total of an order is too large."),),
            status=201,
        )
    )
    async def place(self, req: func.HttpRequest) -> func.HttpResponse:
        asked = self.http.read_command(req, "/orders", PlaceOrderBody)
        order_id = str(uuid.uuid5(_ORDERS, asked.command_id))

        def placed(result: CommandResult) -> func.HttpResponse:
            return order_answer(ORDER, order_id, result, status=201, headers={"Location": f"/api/orders/{order_id}"})

        placing = asked.to(ORDER.stream_id(order_id), asked.body.to_domain(order_id))
        return await self.http.carry_out(req, ORDER, placing, placed, probably_new=True)

    @answered
    @described(
        command(
            "cancel_order",
            "Cancels an order that is not shipped",
            CancellationBody,
            OrderAnswer,
            example={"reason": "ordered twice"},
            refusals=(OrderNotFound(), OrderAlreadyShipped()),
        )
    )
    async def cancel(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        asked = self.http.read_command(req, f"/orders/{order_id}/cancellation", CancellationBody)
        cancelling = asked.to(ORDER.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, ORDER, cancelling, partial(order_answer, ORDER, order_id))

    @answered
    @described(
        command(
            "ship_order",
            "Ships an order that is confirmed",
            ShipmentBody,
            OrderAnswer,
            example={"carrier": "DHL", "trackingNumber": "T-1"},
            refusals=(OrderNotFound(), OrderNotConfirmed(), OrderAlreadyShipped(), OrderIsCancelled()),
        )
    )
    async def ship(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        asked = self.http.read_command(req, f"/orders/{order_id}/shipment", ShipmentBody)
        shipping = asked.to(ORDER.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, ORDER, shipping, partial(order_answer, ORDER, order_id))

    @answered
    @described(events("get_order_events", "The events of an order, and its whole story", ORDER, PAYMENT, FULFILMENT))
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        """Answers with the events of the order; with `all=true`, also with those of its payment and its process."""
        order_id = read_name(req, "orderId")
        stream_id = ORDER.stream_id(order_id)
        if not read_switch(req, "all"):
            return await self.http.events(req, stream_id)
        return await self.http.story(req, stream_id, (PAYMENT.stream_id(order_id), FULFILMENT.stream_id(order_id)))
