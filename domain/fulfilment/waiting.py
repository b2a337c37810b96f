"""What the process of an order waits for: for whoever is asked why an order does not go on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

from domain.fulfilment.state import Fulfilment, FulfilmentState, NotStarted
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK

By = Literal["service", "customer", "warehouse"]
"""Who brings it about. The service does so within seconds; people take as long as they take."""


@dataclass(frozen=True, slots=True)
class Wait:
    """`what` is a phrase behind "waits for", and is to happen in the stream `stream_id`."""

    what: str
    by: By
    stream_id: str


def waits(order_id: str, state: FulfilmentState) -> tuple[Wait, ...]:
    """All of them at once: none if and only if the process has ended."""
    match state:
        case NotStarted():
            return (Wait("its process to hear of the placement", "service", ORDER.stream_id(order_id)),)
        case Fulfilment():
            found = (*_of_stock(state), *_of_payment(state), *_of_order(state))
            if found or state.is_ended:
                return found
            # A stronger fact has overtaken what became of the order: a refund its cancellation.
            return (Wait("its process to hear what became of the order", "service", ORDER.stream_id(order_id)),)
        case _:
            assert_never(state)


def _of_stock(state: Fulfilment) -> Iterator[Wait]:
    for sku in sorted(state.awaited):
        yield Wait(f"{sku} to be reserved or refused", "service", STOCK.stream_id(sku))
    done = "dispatched" if state.order == "shipped" else "released"
    for sku in sorted(state.leaving):
        yield Wait(f"{sku} to be {done}", "service", STOCK.stream_id(sku))


def _of_payment(state: Fulfilment) -> Iterator[Wait]:
    stream_id = PAYMENT.stream_id(state.order_id)
    match state.payment:
        case "requested" if state.order == "placed":
            yield Wait("the payment", "customer", stream_id)
        case "requested" if state.is_cancelled:
            yield Wait("the payment to be closed", "service", stream_id)
        case "requested":
            # The order could not be confirmed without it, so only the word of it is late.
            yield Wait("its process to hear of the payment", "service", stream_id)
        case "refunding":
            yield Wait("the payment to be refunded", "service", stream_id)
        case "none" | "processed" | "failed" | "refunded":
            pass
        case _:
            assert_never(state.payment)


def _of_order(state: Fulfilment) -> Iterator[Wait]:
    stream_id = ORDER.stream_id(state.order_id)
    match state.order:
        case "confirming":
            yield Wait("the order to be confirmed", "service", stream_id)
        case "confirmed":
            yield Wait("the shipment", "warehouse", stream_id)
        case "cancelling":
            yield Wait("the order to be cancelled", "service", stream_id)
        case "placed" | "shipped" | "cancelled":
            pass
        case _:
            assert_never(state.order)
