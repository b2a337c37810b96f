"""Received stock is recorded over HTTP, and the events of a sku are shown."""

from dataclasses import dataclass
from typing import TypedDict

import azure.functions as func

from api.bodies import Body, Quantity
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from engine.commands.handler import CommandResult
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answer, answered
from engine.triggers.http_requests import read_name
from engine.triggers.operations import command, described, events


class ReceiptBody(Body):
    quantity: Quantity

    def to_domain(self, sku: str) -> ReceiveStock:
        return ReceiveStock(sku, self.quantity)


class ReceiptAnswer(TypedDict):
    sku: str
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class StockFunctions:
    http: HttpFunctions

    @answered
    @described(
        command("receive_stock", "Receives units of a sku", ReceiptBody, ReceiptAnswer, example={"quantity": 10})
    )
    async def receive(self, req: func.HttpRequest) -> func.HttpResponse:
        sku = read_name(req, "sku")
        asked = self.http.read_command(req, f"/stock/{sku}/receipts", ReceiptBody)

        def received(result: CommandResult) -> func.HttpResponse:
            body: ReceiptAnswer = {"sku": sku, "stream": result.stream_id, "version": result.version}
            return answer(body, version=result.version)

        receiving = asked.to(STOCK.stream_id(sku), asked.body.to_domain(sku))
        return await self.http.carry_out(req, STOCK, receiving, received)

    @answered
    @described(events("get_stock_events", "The events of a sku", STOCK))
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self.http.events(req, STOCK.stream_id(read_name(req, "sku")))
