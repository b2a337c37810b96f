"""Payments: what their provider reports."""

from dataclasses import dataclass
from functools import partial

import azure.functions as func

from api.answers import order_answer
from api.bodies import PaymentBody
from domain.payment.aggregate import PAYMENT
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answered
from engine.triggers.http_requests import read_name


@dataclass(frozen=True, slots=True)
class PaymentFunctions:
    http: HttpFunctions

    @answered
    async def report(self, req: func.HttpRequest) -> func.HttpResponse:
        """The webhook of the payment provider. A report is known by its outcome and reference, under whatever key it is
        sent: money is recorded, and goes back, once for each reference.
        """
        order_id = read_name(req, "orderId")
        route = f"/orders/{order_id}/payment"
        asked = self.http.read_command(req, route, PaymentBody, key_of=lambda body: body.key)
        reporting = asked.to(PAYMENT.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, PAYMENT, reporting, partial(order_answer, PAYMENT, order_id))
