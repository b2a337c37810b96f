"""The payment provider reports over HTTP whether it has processed a payment."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, Self

import azure.functions as func
from pydantic import Field, model_validator

from api.answers import PaymentAnswer, order_answer
from api.bodies import Body, Reason
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import DeclinePayment, ProcessPayment
from domain.payment.decisions import PaymentAlreadyProcessed, PaymentNotRequested
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answered
from engine.triggers.http_requests import read_name
from engine.triggers.operations import command, described


class PaymentBody(Body):
    """Holds a report of the payment provider; `reference` is its id of the payment."""

    outcome: Literal["processed", "declined"]
    reference: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,100}$")]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _gives_a_reason_for_a_refusal_only(self) -> Self:
        if self.outcome == "processed" and self.reason is not None:
            raise ValueError("a payment that was processed has no reason")
        return self

    @property
    def key(self) -> str:
        """Identifies a report, so that it counts once however often it is sent.

        The outcome is part of it: a payment may be processed after it was declined.
        """
        return f"{self.outcome} {self.reference}"

    def to_domain(self) -> ProcessPayment | DeclinePayment:
        if self.outcome == "processed":
            return ProcessPayment(self.reference)
        return DeclinePayment(self.reference, self.reason or "no reason given")


@dataclass(frozen=True, slots=True)
class PaymentFunctions:
    http: HttpFunctions

    @answered
    @described(
        command(
            "report_payment",
            "Reports that a payment was processed or declined, each reference once: the provider's webhook",
            PaymentBody,
            PaymentAnswer,
            example={"outcome": "processed", "reference": "pay-1"},
            refusals=(PaymentNotRequested(), PaymentAlreadyProcessed()),
        )
    )
    async def report(self, req: func.HttpRequest) -> func.HttpResponse:
        """Is the webhook of the payment provider.

        The key of the command is `PaymentBody.key`, whatever the header says: money is recorded, and goes back, once
        for each reference.
        """
        order_id = read_name(req, "orderId")
        route = f"/orders/{order_id}/payment"
        asked = self.http.read_command(req, route, PaymentBody, key_of=lambda body: body.key)
        reporting = asked.to(PAYMENT.stream_id(order_id), asked.body.to_domain())
        return await self.http.carry_out(req, PAYMENT, reporting, partial(order_answer, PAYMENT, order_id))
