"""Whatever happens in whatever order: every process ends, no unit of stock and no cent is lost."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fulfilment.state import Fulfilment
from domain.money import Money
from domain.order import state as order
from domain.order.commands import CancelOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.payment.commands import DeclinePayment, ProcessPayment
from domain.payment.events import PaymentProcessed, PaymentRefunded
from domain.stock.commands import ReceiveStock
from domain.stock.events import StockDispatched, StockReceived
from tests.domain.world import Message, World

SKUS = ("mug", "cup")
ORDER_IDS = ("o-1", "o-2")


@dataclass(frozen=True)
class Happening:
    """What somebody outside does at some moment, again and again until it takes effect: a customer, a provider, the
    warehouse.
    """

    category: str
    entity_id: str
    command: object


_IDS = st.sampled_from(ORDER_IDS)
_REFERENCES = st.sampled_from(["pay-1", "pay-2"])
_HAPPENINGS = st.one_of(
    st.builds(partial(Happening, "order"), _IDS, st.just(CancelOrder("changed my mind"))),
    st.builds(partial(Happening, "order"), _IDS, st.just(ShipOrder("DHL", "T-1"))),
    st.builds(partial(Happening, "payment"), _IDS, st.builds(ProcessPayment, _REFERENCES)),
    st.builds(partial(Happening, "payment"), _IDS, st.builds(DeclinePayment, _REFERENCES, st.just("no funds"))),
)
_DEADLINES_BEFORE_TIME = st.lists(st.integers(0, 3), max_size=2)
_LINES = st.lists(
    st.builds(OrderLine, st.sampled_from(SKUS), st.integers(1, 2), st.builds(Money, st.integers(0, 2), st.just("EUR"))),
    min_size=1,
    max_size=3,
).map(tuple)
_CHOICES = st.lists(st.integers(0, 2**16), min_size=60, max_size=120)
"""Which of the things that can happen next does."""


@settings(max_examples=400, deadline=None)
@given(
    stock=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    orders=st.tuples(_LINES, _LINES),
    happenings=st.lists(_HAPPENINGS, max_size=10),
    deadlines=_DEADLINES_BEFORE_TIME,
    choices=_CHOICES,
)
def test_every_process_ends_and_everything_is_balanced(
    stock: tuple[int, int],
    orders: tuple[tuple[OrderLine, ...], tuple[OrderLine, ...]],
    happenings: list[Happening],
    deadlines: list[int],
    choices: list[int],
) -> None:
    world = World()
    for sku, quantity in zip(SKUS, stock, strict=True):
        world.handle(Message(("receipt", sku), f"stock-{sku}", ReceiveStock(sku, quantity)))
    for order_id, lines in zip(ORDER_IDS, orders, strict=True):
        world.handle(Message(("place", order_id), f"order-{order_id}", PlaceOrder(order_id, "c-1", lines)))
    upcoming: list[Callable[[], bool]] = [
        *(partial(world.handle, message_of(n, each)) for n, each in enumerate(happenings)),
        *(partial(fire_one, world, n) for n in deadlines),
    ]
    for choice in choices:
        take_a_step(world, upcoming, choice)
    world.deliver_all()
    check_that_only_people_are_waited_for(world)
    world.run_out_of_time()
    check_that_everything_is_balanced(world)

    for order_id in ORDER_IDS:
        world.handle(Message(("late", order_id), f"payment-{order_id}", ProcessPayment("pay-3")))
    world.deliver_all()
    for message in list(world.delivered):
        world.handle(message)
    world.deliver_all()
    check_that_everything_is_balanced(world)


def message_of(number: int, happening: Happening) -> Message:
    return Message(("happening", number), f"{happening.category}-{happening.entity_id}", happening.command)


def take_a_step(world: World, upcoming: list[Callable[[], bool]], choice: int) -> None:
    """A message is delivered, or again; or something comes from outside."""
    steps: list[Callable[[int], None]] = [partial(deliver, world, queue) for queue in world.queues()]
    if upcoming:
        steps.append(partial(happen, upcoming))
    if world.delivered:
        steps.append(partial(repeat, world))
    if steps:
        steps[choice % len(steps)](choice // len(steps))


def happen(upcoming: list[Callable[[], bool]], which: int) -> None:
    happening = upcoming.pop(which % len(upcoming))
    if not happening():
        upcoming.append(happening)


def fire_one(world: World, which: int) -> bool:
    """Counted from the youngest: one that overtakes what was asked for is the rarest."""
    if not world.scheduled:
        return False
    world.fire(world.scheduled[-1 - which % len(world.scheduled)])
    return True


def repeat(world: World, which: int) -> None:
    world.handle(world.delivered[which % len(world.delivered)])


def deliver(world: World, queue: deque[Message], _: int) -> None:
    world.deliver(queue)


def process_of(world: World, order_id: str) -> Fulfilment:
    process = world.state(f"fulfilment-{order_id}")
    assert isinstance(process, Fulfilment)
    return process


def check_that_only_people_are_waited_for(world: World) -> None:
    """With every message delivered, a process has ended or waits for a customer's money or for the warehouse."""
    for order_id in ORDER_IDS:
        process = process_of(world, order_id)
        waits_for_payment = process.order == "placed" and process.payment == "requested"
        assert process.is_ended or waits_for_payment or process.order == "confirmed", process


def check_that_everything_is_balanced(world: World) -> None:
    for order_id in ORDER_IDS:
        process = process_of(world, order_id)
        assert process.is_ended or process.order == "confirmed", process
        check_money(world, order_id)
    for sku in SKUS:
        check_stock(world, sku)


def check_money(world: World, order_id: str) -> None:
    """What arrived is kept for a confirmed or shipped order, and went back to the cent for a cancelled one."""
    charged = list(world.events(f"payment-{order_id}", PaymentProcessed))
    refunded = list(world.events(f"payment-{order_id}", PaymentRefunded))
    balance = sum(each.amount.amount for each in charged) - sum(each.amount.amount for each in refunded)
    match world.state(f"order-{order_id}"):
        case order.Confirmed() | order.Shipped():
            assert total(world, order_id) == balance
            assert [] == refunded
        case other:
            assert isinstance(other, order.Cancelled)
            assert (0, len(charged)) == (balance, len(refunded))


def check_stock(world: World, sku: str) -> None:
    """Every unit received is on hand or was dispatched; reserved is what confirmed orders wait for, and no more."""
    stream_id = f"stock-{sku}"
    state = world.state(stream_id)
    received = sum(each.quantity for each in world.events(stream_id, StockReceived))
    dispatched: Counter[str] = Counter()
    for each in world.events(stream_id, StockDispatched):
        dispatched[each.order_id] += each.quantity
    assert received == state.on_hand + dispatched.total()
    expected_reserved, expected_dispatched = {}, {}
    for order_id in ORDER_IDS:
        quantity = sum(each.quantity for each in placed(world, order_id).lines if each.sku == sku)
        match world.state(f"order-{order_id}"):
            case order.Confirmed() if quantity:
                expected_reserved[order_id] = quantity
            case order.Shipped() if quantity:
                expected_dispatched[order_id] = quantity
    assert expected_reserved == dict(state.reservations)
    assert expected_dispatched == dict(dispatched)


def placed(world: World, order_id: str) -> Any:
    return world.history[f"order-{order_id}"][0]


def total(world: World, order_id: str) -> int:
    return int(placed(world, order_id).total.amount)
