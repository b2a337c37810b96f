"""What a command about an order is answered."""

from collections.abc import Mapping
from typing import Final

import azure.functions as func

from engine.commands.handler import Answer
from engine.triggers.http_answers import answer

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


def order_answer(
    order_id: str, done: Answer, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """Where the command has left the order, or its payment."""
    body = {
        "orderId": order_id,
        "stream": done.stream_id,
        "version": done.version,
        "status": _STATUS[done.event_type],
    }
    return answer(body, status=status, version=done.version, headers=headers)
