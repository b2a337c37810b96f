"""Orders: placed, cancelled, shipped; and what happened with them."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Final

import azure.functions as func

from api.answers import order_answer
from api.bodies import CancellationBody, PlaceOrderBody, ShipmentBody
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.commands.handler import CommandResult
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answered
from engine.triggers.http_requests import read_name, read_switch

_ORDERS: Final = uuid.UUID("0f0a7d3c-6f5e-5d55-8d8e-5b1f2a3c4d5e")
"""The namespace of order ids, which are derived from the ids of the commands that place them."""


@dataclass(frozen=True, slots=True)
class OrderFunctions:
    http: HttpFunctions

    @answered
    async def place(self, req: func.HttpRequest) -> func.HttpResponse:
        asked = self.http.read_command(req, "/orders", PlaceOrderBody)
        order_id = str(uuid.uuid5(_ORDERS, asked.command_id))

        def placed(result: CommandResult) -> func.HttpResponse:
            return order_answer(ORDER, order_id, result, status=201, headers={"Location": f"/api/orders/{order_id}"})

        placing = asked.to(ORDER.stream_id(order_id), asked.body.to_domain(order_id))
        return await self.http.carry_out(req, ORDER, placing, placed, probably_new=True)

    @answered
    async def cancel(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        asked = self.http.read_command(req, f"/orders/{order_id}/cancellation", CancellationBody)
        cancelling = asked.to(ORDER.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, ORDER, cancelling, partial(order_answer, ORDER, order_id))

    @answered
    async def ship(self, req: func.HttpRequest) -> func.HttpResponse:
        order_id = read_name(req, "orderId")
        asked = self.http.read_command(req, f"/orders/{order_id}/shipment", ShipmentBody)
        shipping = asked.to(ORDER.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, ORDER, shipping, partial(order_answer, ORDER, order_id))

    @answered
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        """Of the order alone, or with those of its payment and its process."""
        order_id = read_name(req, "orderId")
        stream_id = ORDER.stream_id(order_id)
        if not read_switch(req, "all"):
            return await self.http.events(req, stream_id)
        return await self.http.story(req, stream_id, (PAYMENT.stream_id(order_id), FULFILMENT.stream_id(order_id)))
