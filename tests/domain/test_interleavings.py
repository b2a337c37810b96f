"""Several orders of several skus, at random: every process ends, no unit of stock and no cent is lost.

`test_every_order_of_facts.py` has all that can happen to one order of one sku.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.money import Money
from domain.order.commands import CancelOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.payment.commands import DeclinePayment, ProcessPayment
from domain.stock.commands import ReceiveStock
from tests.domain.balance import check_that_everything_is_balanced, check_that_only_people_are_waited_for
from tests.domain.world import Message, World

SKUS = ("mug", "cup")
ORDER_IDS = ("o-1", "o-2")
MANY_DEAD = 4


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
"""Which of the things that can happen next does; delivery is thrice as likely, or little would come of all this."""


@settings(max_examples=1000, deadline=None)
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
    world.redrive()
    world.deliver_all()
    check_that_only_people_are_waited_for(world, ORDER_IDS)
    world.run_out_of_time()
    check_that_everything_is_balanced(world, ORDER_IDS, SKUS)

    for order_id in ORDER_IDS:
        world.handle(Message(("late", order_id), f"payment-{order_id}", ProcessPayment("pay-3")))
    world.deliver_all()
    for message in list(world.delivered):
        world.handle(message)
    world.deliver_all()
    check_that_everything_is_balanced(world, ORDER_IDS, SKUS)


def message_of(number: int, happening: Happening) -> Message:
    return Message(("happening", number), f"{happening.category}-{happening.entity_id}", happening.command)


def take_a_step(world: World, upcoming: list[Callable[[], bool]], choice: int) -> None:
    """A message is delivered, or again, or becomes a dead letter; or something comes from outside."""
    steps: list[Callable[[int], None]] = [partial(deliver, world)] * min(len(world.waiting), 3)
    if upcoming:
        steps.append(partial(happen, upcoming))
    if world.waiting and len(world.dead) < MANY_DEAD:
        steps.append(partial(bury, world))
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


def bury(world: World, which: int) -> None:
    world.bury(which % len(world.waiting))


def deliver(world: World, which: int) -> None:
    world.deliver(which % len(world.waiting))
