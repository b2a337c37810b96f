"""Strategies: any command, and any history that commands can lead to."""

from typing import Any

from hypothesis import strategies as st

from domain.aggregate import Aggregate
from domain.aggregates import ORDER, PAYMENT, STOCK
from domain.decider import DomainError
from domain.money import Money
from domain.order.commands import CancelOrder, ConfirmOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.payment.commands import DeclinePayment, ExpirePayment, ProcessPayment, RefundPayment, RequestPayment
from domain.stock.commands import DispatchStock, ReceiveStock, ReleaseStock, ReserveStock

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ORDER_IDS = st.sampled_from(["o-1", "o-2", "o-3"])
_LINES = st.builds(
    OrderLine,
    sku=st.sampled_from(["mug", "cup"]),
    quantity=st.integers(-1, 1_000_000),
    unit_price=st.builds(Money, st.integers(-1, 10**12), st.sampled_from(["EUR", "USD", "JPY"])),
)

ORDER_COMMANDS = st.one_of(
    st.builds(PlaceOrder, st.just("o-1"), _TEXT, st.lists(_LINES, max_size=3).map(tuple)),
    st.just(ConfirmOrder()),
    st.builds(ShipOrder, _TEXT, _TEXT),
    st.builds(CancelOrder, _TEXT),
)
_REFERENCES = st.sampled_from(["pay-1", "pay-2"])
PAYMENT_COMMANDS = st.one_of(
    st.builds(
        RequestPayment, st.just("o-1"), st.builds(Money, st.integers(-1, 10**12), st.sampled_from(["EUR", "JPY"]))
    ),
    st.builds(ProcessPayment, _REFERENCES),
    st.builds(DeclinePayment, _REFERENCES, _TEXT),
    st.just(ExpirePayment()),
    st.just(RefundPayment()),
)
STOCK_COMMANDS = st.one_of(
    st.builds(ReceiveStock, st.just("mug"), st.integers(-1, 10)),
    st.builds(ReserveStock, st.just("mug"), _ORDER_IDS, st.integers(-1, 10)),
    st.builds(ReleaseStock, st.just("mug"), _ORDER_IDS),
    st.builds(DispatchStock, st.just("mug"), _ORDER_IDS),
)
COMMANDS = {ORDER.category: ORDER_COMMANDS, PAYMENT.category: PAYMENT_COMMANDS, STOCK.category: STOCK_COMMANDS}


def history_of(aggregate: Aggregate[Any, Any, Any], commands: list[Any]) -> list[Any]:
    """The events that these commands leave behind, refused ones left out."""
    events: list[Any] = []
    state = aggregate.decider.initial
    for command in commands:
        try:
            decided = aggregate.decider.decide(command, state)
        except DomainError:
            continue
        state = aggregate.decider.fold(state, decided)
        events.extend(decided)
    return events
