"""Commands about an order are answered with the order's version and status."""

from collections.abc import Mapping
from typing import Any, TypedDict

import azure.functions as func

from domain.order.events import OrderEvent, OrderStatus
from domain.payment.events import PaymentEvent, PaymentStatus
from engine.commands.handler import CommandResult
from engine.deciding.aggregate import Aggregate
from engine.triggers.http_answers import answer


class OrderAnswer(TypedDict):
    orderId: str
    stream: str
    version: int
    status: OrderStatus


class PaymentAnswer(TypedDict):
    orderId: str
    stream: str
    version: int
    status: PaymentStatus


def order_answer(
    aggregate: Aggregate[Any, OrderEvent, Any] | Aggregate[Any, PaymentEvent, Any],
    order_id: str,
    result: CommandResult,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Returns the answer to a command: the version and status of the order, or of its payment, after the command."""
    body = {
        "orderId": order_id,
        "stream": result.stream_id,
        "version": result.version,
        "status": aggregate.event_classes[result.event_type].status,
    }
    return answer(body, status=status, version=result.version, headers=headers)
