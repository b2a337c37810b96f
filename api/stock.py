"""Stock: what arrives, and what happened with it."""

from dataclasses import dataclass

import azure.functions as func

from api.bodies import ReceiptBody
from domain.registry import STOCK
from engine.commands.handler import Answer
from engine.triggers.http import HttpFunctions, Requested
from engine.triggers.http_answers import answer, answered
from engine.triggers.http_requests import read_name


@dataclass(frozen=True, slots=True)
class StockFunctions:
    http: HttpFunctions

    @answered
    async def receive(self, req: func.HttpRequest) -> func.HttpResponse:
        sku = read_name(req, "sku")
        body, context = self.http.read_command(req, f"/stock/{sku}/receipts", ReceiptBody)

        def received(done: Answer) -> func.HttpResponse:
            return answer({"sku": sku, "stream": done.stream_id, "version": done.version}, version=done.version)

        return await self.http.carry_out(req, Requested(STOCK, sku, body.to_domain(sku), context), received)

    @answered
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self.http.events(req, STOCK.stream_id(read_name(req, "sku")))
