"""What must hold once nothing is under way any more: no unit and no cent is lost, and every process has ended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from domain.fulfilment.state import Fulfilment
from domain.fulfilment.waiting import waits
from domain.order import state as order
from domain.payment.events import PaymentProcessed, PaymentRefunded, SurplusReceived, SurplusRefunded
from domain.stock.events import StockDispatched, StockReceived


class Outcome(Protocol):
    """What has become of the streams."""

    def state(self, stream_id: str) -> Any: ...

    def events(self, stream_id: str) -> Sequence[Any]:
        """In any order, but for the first one."""
        ...


def check_that_only_people_are_waited_for(outcome: Outcome, order_ids: Iterable[str]) -> None:
    """With every message delivered, a process has ended or waits for a customer's money or for the warehouse."""
    for order_id in order_ids:
        process = process_of(outcome, order_id)
        waits_for_payment = process.order == "placed" and process.payment == "requested"
        assert process.is_ended or waits_for_payment or process.order == "confirmed", process
        assert all(wait.by != "service" for wait in waits(order_id, process)), process


def check_that_everything_is_balanced(outcome: Outcome, order_ids: Sequence[str], skus: Iterable[str]) -> None:
    for order_id in order_ids:
        process = process_of(outcome, order_id)
        assert process.is_ended or process.order == "confirmed", process
        check_money(outcome, order_id)
    for sku in skus:
        check_stock(outcome, sku, order_ids)


def check_money(outcome: Outcome, order_id: str) -> None:
    """What came in is kept for a confirmed or shipped order, once, and all else has gone back to the cent."""
    events = outcome.events(f"payment-{order_id}")
    came_in = [each for each in events if isinstance(each, PaymentProcessed | SurplusReceived)]
    went_back = [each for each in events if isinstance(each, PaymentRefunded | SurplusRefunded)]
    kept = sum(each.amount.amount for each in came_in) - sum(each.amount.amount for each in went_back)
    references = [each.reference for each in came_in]
    assert len(set(references)) == len(references), references
    match outcome.state(f"order-{order_id}"):
        case order.Confirmed() | order.Shipped():
            assert total(outcome, order_id) == kept, events
            assert not any(isinstance(each, PaymentRefunded) for each in went_back), events
        case other:
            assert isinstance(other, order.Cancelled), other
            assert (0, len(came_in)) == (kept, len(went_back)), events


def check_stock(outcome: Outcome, sku: str, order_ids: Iterable[str]) -> None:
    """Every unit received is on hand or was dispatched; reserved is what confirmed orders wait for, and no more."""
    state, events = outcome.state(f"stock-{sku}"), outcome.events(f"stock-{sku}")
    received = sum(each.quantity for each in events if isinstance(each, StockReceived))
    dispatched: Counter[str] = Counter()
    for each in events:
        if isinstance(each, StockDispatched):
            dispatched[each.order_id] += each.quantity
    assert received == state.on_hand + dispatched.total(), (state, events)
    expected_reserved, expected_dispatched = {}, {}
    for order_id in order_ids:
        quantity = sum(each.quantity for each in placed(outcome, order_id).lines if each.sku == sku)
        match outcome.state(f"order-{order_id}"):
            case order.Confirmed() if quantity:
                expected_reserved[order_id] = quantity
            case order.Shipped() if quantity:
                expected_dispatched[order_id] = quantity
    assert expected_reserved == dict(state.reservations), state
    assert expected_dispatched == dict(dispatched), state


def process_of(outcome: Outcome, order_id: str) -> Fulfilment:
    process = outcome.state(f"fulfilment-{order_id}")
    assert isinstance(process, Fulfilment), process
    return process


def placed(outcome: Outcome, order_id: str) -> Any:
    return outcome.events(f"order-{order_id}")[0]


def total(outcome: Outcome, order_id: str) -> int:
    return int(placed(outcome, order_id).total.amount)
