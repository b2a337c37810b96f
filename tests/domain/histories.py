"""Strategies: any command to each kind of stream."""

from hypothesis import strategies as st

from domain.fulfilment.commands import AbandonFulfilment
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import DeclinePayment, ExpirePayment, ProcessPayment, RefundPayment, RequestPayment
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from domain.stock.commands import DispatchStock, ReceiveStock, ReleaseStock, ReserveStock
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved

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
_REFERENCES = st.sampled_from(["pay-1", "pay-2", "pay-3"])
_AMOUNTS = st.builds(Money, st.integers(-1, 10**12), st.sampled_from(["EUR", "JPY"]))
PAYMENT_COMMANDS = st.one_of(
    st.builds(RequestPayment, st.just("o-1"), _AMOUNTS),
    st.builds(ProcessPayment, _REFERENCES),
    st.builds(DeclinePayment, _REFERENCES, _TEXT),
    st.builds(ExpirePayment, st.just("o-1"), _AMOUNTS),
    st.just(RefundPayment()),
)
STOCK_COMMANDS = st.one_of(
    st.builds(ReceiveStock, st.just("mug"), st.integers(-1, 10)),
    st.builds(ReserveStock, st.just("mug"), _ORDER_IDS, st.integers(-1, 10)),
    st.builds(ReleaseStock, st.just("mug"), _ORDER_IDS),
    st.builds(DispatchStock, st.just("mug"), _ORDER_IDS),
)
_SKUS = st.sampled_from(["mug", "cup"])
_PLACED_LINES = st.builds(OrderLine, _SKUS, st.integers(1, 5), st.builds(Money, st.integers(0, 5), st.just("EUR")))
FULFILMENT_TRIGGERS = st.one_of(
    st.builds(OrderPlaced, st.just("o-1"), st.just("c-1"), st.lists(_PLACED_LINES, min_size=1, max_size=3).map(tuple)),
    st.sampled_from(
        [
            OrderConfirmed("o-1", "c-1"),
            OrderShipped("o-1", "c-1", "DHL", "T-1"),
            OrderCancelled("o-1", "c-1", "why not"),
            PaymentProcessed("o-1", Money(1, "EUR"), "pay-1"),
            PaymentDeclined("o-1", "pay-1", "no funds"),
            PaymentExpired("o-1"),
            PaymentRefunded("o-1", Money(1, "EUR")),
            AbandonFulfilment(),
        ]
    ),
    st.builds(StockReserved, _SKUS, st.just("o-1"), st.just(1)),
    st.builds(StockReservationRefused, _SKUS, st.just("o-1"), st.just(1), st.just(0)),
    st.builds(StockReleased, _SKUS, st.just("o-1"), st.just(1)),
    st.builds(StockDispatched, _SKUS, st.just("o-1"), st.just(1)),
)
COMMANDS = {
    ORDER.category: ORDER_COMMANDS,
    PAYMENT.category: PAYMENT_COMMANDS,
    STOCK.category: STOCK_COMMANDS,
    FULFILMENT.category: FULFILMENT_TRIGGERS,
}
