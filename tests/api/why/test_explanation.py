"""Why an order is where it is, for everything that it can come to; a story is what its streams have said so far."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, Final, Self

import pytest

from api.why.explanation import Obstacle, Situation, explain
from domain.fulfilment.facts import Fact, StockFact
from domain.money import Money
from domain.order.events import OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced, OrderShipped
from domain.payment.events import (
    PaymentDeclined,
    PaymentEvent,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.storing.events import RecordedEvent
from engine.testing.times import NOON
from tests.domain.test_every_order_of_facts import LIVES
from tests.domain.world import PROCESS

PRICE: Final = Money(100, "EUR")
PLACED = OrderPlaced("o-1", "c-1", (OrderLine("mug", 1, PRICE), OrderLine("cup", 1, PRICE)))
CONFIRMED, SHIPPED = OrderConfirmed("o-1", "c-1"), OrderShipped("o-1", "c-1", "DHL", "T-1")
CANCELLED = OrderCancelled("o-1", "c-1", "changed my mind")
MUG, CUP = StockReserved("mug", "o-1", 1), StockReserved("cup", "o-1", 1)
NO_CUP = StockReservationRefused("cup", "o-1", 1, 0)
MUG_IS_BACK, CUP_IS_BACK = StockReleased("mug", "o-1", 1), StockReleased("cup", "o-1", 1)
MUG_IS_OUT, CUP_IS_OUT = StockDispatched("mug", "o-1", 1), StockDispatched("cup", "o-1", 1)
REQUESTED, PAID = PaymentRequested("o-1", PRICE), PaymentProcessed("o-1", PRICE, "pay-1")
DECLINED, EXPIRED = PaymentDeclined("o-1", "pay-1", "no funds"), PaymentExpired("o-1")
REFUNDED = PaymentRefunded("o-1", PRICE)
SURPLUS = SurplusReceived("o-1", PRICE, "pay-2"), SurplusRefunded("o-1", PRICE, "pay-2")


@dataclass(frozen=True)
class Story:
    """Something happens in each second from noon on, and the process hears of it at once, unless it is unheard."""

    order: tuple[RecordedEvent[Any], ...] = ()
    payment: tuple[RecordedEvent[Any], ...] = ()
    process: tuple[RecordedEvent[Any], ...] = ()
    stock: tuple[RecordedEvent[Any], ...] = ()
    now: datetime = NOON

    def then(self, *happened: Any) -> Self:
        story = self
        for each in happened:
            story = story._with(each)._heard(each)
        return story

    def unheard(self, *happened: Any) -> Self:
        story = self
        for each in happened:
            story = story._with(each)
        return story

    def after(self, **time: int) -> Self:
        return replace(self, now=self.now + timedelta(**time))

    def explained(self, **known: Any) -> str:
        return explain(Situation("o-1", self.now, self.order, self.payment, self.process, self.stock, **known)).text

    def _with(self, happened: Any) -> Self:
        for name, kind, stream in (
            ("order", OrderEvent, "order-o-1"),
            ("payment", PaymentEvent, "payment-o-1"),
            ("stock", StockFact, f"stock-{getattr(happened, 'sku', '')}"),
        ):
            if isinstance(happened, kind):
                before = getattr(self, name)
                recorded = RecordedEvent(stream, len(before) + 1, happened, self.now)
                changed: dict[str, Any] = {name: (*before, recorded)}
                return replace(self, **changed).after(seconds=1)
        return self.after(seconds=1)

    def _heard(self, happened: Any) -> Self:
        decider, before = PROCESS.aggregate.decider, [each.event for each in self.process]
        if not isinstance(happened, Fact):
            return self
        events = decider.decide(happened, decider.fold(decider.initial, before))
        recorded = (RecordedEvent("fulfilment-o-1", len(before) + 1, each, self.now) for each in events)
        return replace(self, process=(*self.process, *recorded))


RESERVED = Story().then(PLACED, MUG, CUP, REQUESTED)
PAID_ORDER = RESERVED.then(PAID)
QUIET = "Nothing of it is parked, dead or behind."


@pytest.mark.parametrize(
    ("story", "text"),
    [
        (
            Story().unheard(PLACED),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; no payment was asked for. It waits for its process to "
                "hear of the placement, since 2026-11-23T12:00:00Z (1 s), which takes seconds."
            ),
        ),
        (
            Story().unheard(PLACED).after(minutes=5),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; no payment was asked for. It waits for its process to "
                "hear of the placement, since 2026-11-23T12:00:00Z (5 min), which should take seconds."
            ),
        ),
        (
            Story().then(PLACED, MUG).after(hours=3),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; no payment was asked for. It waits for cup to be "
                "reserved or refused, since 2026-11-23T12:00:01Z (3 h), which should take seconds."
            ),
        ),
        (
            RESERVED.after(minutes=10),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; its payment was requested at 2026-11-23T12:00:03Z. It "
                "waits for the payment, since 2026-11-23T12:00:03Z (10 min): if it does not come by "
                "2026-11-23T12:15:03Z, the order is cancelled."
            ),
        ),
        (
            RESERVED.after(minutes=17),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; its payment was requested at 2026-11-23T12:00:03Z. It "
                "waits for the payment, since 2026-11-23T12:00:03Z (17 min), and should have been given up at "
                "2026-11-23T12:15:03Z."
            ),
        ),
        (
            RESERVED.unheard(PAID),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; its payment was processed at 2026-11-23T12:00:04Z. It "
                "waits for its process to hear that the payment has arrived, since 2026-11-23T12:00:04Z (1 s), which "
                "takes seconds."
            ),
        ),
        (
            PAID_ORDER,
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; its payment was processed at 2026-11-23T12:00:04Z. It "
                "waits for the order to be confirmed, since 2026-11-23T12:00:05Z (0 s), which takes seconds."
            ),
        ),
        (
            PAID_ORDER.unheard(CONFIRMED).after(minutes=2),
            (
                "Order o-1 was confirmed at 2026-11-23T12:00:05Z; its payment was processed at 2026-11-23T12:00:04Z. "
                "It waits for its process to hear that the order is confirmed, since 2026-11-23T12:00:05Z (2 min), "
                "which should take seconds."
            ),
        ),
        (
            PAID_ORDER.then(CONFIRMED).after(days=4),
            (
                "Order o-1 was confirmed at 2026-11-23T12:00:05Z; its payment was processed at 2026-11-23T12:00:04Z. "
                "It waits for the shipment, since 2026-11-23T12:00:06Z (4 days), as long as that takes."
            ),
        ),
        (
            PAID_ORDER.then(*SURPLUS, CONFIRMED, SHIPPED, MUG_IS_OUT),
            (
                "Order o-1 was shipped at 2026-11-23T12:00:08Z; its payment was processed at 2026-11-23T12:00:04Z. It "
                "waits for cup to be dispatched, since 2026-11-23T12:00:09Z (1 s), which takes seconds."
            ),
        ),
        (
            PAID_ORDER.then(CONFIRMED, SHIPPED, MUG_IS_OUT, CUP_IS_OUT),
            (
                "Order o-1 was shipped at 2026-11-23T12:00:06Z; its payment was processed at 2026-11-23T12:00:04Z. "
                "Its process has ended: nothing is outstanding."
            ),
        ),
        (
            PAID_ORDER.then(CONFIRMED, CANCELLED),
            (
                "Order o-1 was cancelled at 2026-11-23T12:00:06Z; its payment was processed at 2026-11-23T12:00:04Z. "
                "It waits for cup to be released, since 2026-11-23T12:00:07Z (0 s), which takes seconds. It waits for "
                "mug to be released, since 2026-11-23T12:00:07Z (0 s), which takes seconds. It waits for the payment "
                "to be refunded, since 2026-11-23T12:00:07Z (0 s), which takes seconds."
            ),
        ),
        (
            RESERVED.then(DECLINED),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; its payment was declined at 2026-11-23T12:00:04Z. It "
                "waits for cup to be released, since 2026-11-23T12:00:05Z (0 s), which takes seconds. It waits for "
                "mug to be released, since 2026-11-23T12:00:05Z (0 s), which takes seconds. It waits for the order to "
                "be cancelled, since 2026-11-23T12:00:05Z (0 s), which takes seconds."
            ),
        ),
        (
            Story().then(PLACED, MUG, NO_CUP).unheard(CANCELLED).then(MUG_IS_BACK),
            (
                "Order o-1 was cancelled at 2026-11-23T12:00:03Z; no payment was asked for. It waits for its process "
                "to hear that the order is cancelled, since 2026-11-23T12:00:03Z (2 s), which takes seconds."
            ),
        ),
        (
            RESERVED.then(CANCELLED, MUG_IS_BACK, CUP_IS_BACK).unheard(EXPIRED),
            (
                "Order o-1 was cancelled at 2026-11-23T12:00:04Z; its payment has expired at 2026-11-23T12:00:07Z. It "
                "waits for its process to hear that no payment will come, since 2026-11-23T12:00:07Z (1 s), which "
                "takes seconds."
            ),
        ),
        (
            PAID_ORDER.then(CANCELLED, MUG_IS_BACK, CUP_IS_BACK).unheard(REFUNDED),
            (
                "Order o-1 was cancelled at 2026-11-23T12:00:05Z; its payment was refunded at 2026-11-23T12:00:08Z. "
                "It waits for its process to hear that the payment was refunded, since 2026-11-23T12:00:08Z (1 s), "
                "which takes seconds."
            ),
        ),
        (
            Story().then(PLACED, MUG).unheard(CUP),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; no payment was asked for. It waits for its process to "
                "hear that cup is reserved, since 2026-11-23T12:00:02Z (1 s), which takes seconds."
            ),
        ),
        (
            Story().then(PLACED, MUG).unheard(NO_CUP),
            (
                "Order o-1 was placed at 2026-11-23T12:00:00Z; no payment was asked for. It waits for its process to "
                "hear that cup is out of stock, since 2026-11-23T12:00:02Z (1 s), which takes seconds."
            ),
        ),
        (
            PAID_ORDER.then(CONFIRMED, SHIPPED, MUG_IS_OUT).unheard(CUP_IS_OUT),
            (
                "Order o-1 was shipped at 2026-11-23T12:00:06Z; its payment was processed at 2026-11-23T12:00:04Z. It "
                "waits for its process to hear that cup is dispatched, since 2026-11-23T12:00:08Z (1 s), which takes "
                "seconds."
            ),
        ),
        (
            Story().then(PLACED, MUG, NO_CUP).then(CANCELLED).unheard(MUG_IS_BACK),
            (
                "Order o-1 was cancelled at 2026-11-23T12:00:03Z; no payment was asked for. It waits for its process "
                "to hear that mug is released, since 2026-11-23T12:00:04Z (1 s), which takes seconds."
            ),
        ),
        (
            PAID_ORDER.then(CONFIRMED).unheard(SHIPPED),
            (
                "Order o-1 was shipped at 2026-11-23T12:00:06Z; its payment was processed at 2026-11-23T12:00:04Z. It "
                "waits for its process to hear that the order is shipped, since 2026-11-23T12:00:06Z (1 s), which "
                "takes seconds."
            ),
        ),
        (
            Story().then(MUG),
            (
                "Order o-1 was never placed, as far as its stream says; no payment was asked for. It waits for its "
                "process to hear of the placement, since 2026-11-23T12:00:01Z (0 s), which takes seconds."
            ),
        ),
    ],
)
def test_it_says_how_far_the_order_is_and_what_it_waits_for_since_when(story: Story, text: str) -> None:
    assert f"{text} {QUIET}" == story.explained()


def test_of_much_that_is_waited_for_the_first_is_told() -> None:
    many = OrderPlaced("o-1", "c-1", tuple(OrderLine(f"mug-{number}", 1, PRICE) for number in range(9)))
    told = Story().then(many).explained()
    assert "mug-2 to be reserved" in told
    assert "mug-3" not in told
    assert f"which takes seconds. It waits for 6 more. {QUIET}" in told


def test_what_is_in_its_way_is_told_and_where_to_look() -> None:
    parked = Obstacle(
        "parked", "commands", "session order-o-1", "ValueError: x", "parked show commands order-o-1", NOON
    )
    dead = Obstacle("dead", "reactions", "message 12", "Crashed", "dead-letters show reactions 12", NOON)
    behind = Obstacle("behind", "relay", "partition 00-FF", "its lease is expired", "projections status")
    situation = Situation("o-1", NOON, RESERVED.order, (), (), (), (parked, dead, behind))
    explanation = explain(situation)
    assert explanation.text.endswith(
        "Session order-o-1 of commands is parked since 2026-11-23T12:00:00Z: ValueError: x. Message 12 of reactions "
        "is dead since 2026-11-23T12:00:00Z: Crashed. Partition 00-FF of relay is behind: its lease is expired."
    )
    assert [each.look for each in (parked, dead, behind)] == explanation.look
    assert explain(replace(situation, obstacles=(parked,) * 5)).text.endswith("ValueError: x. So are 2 more.")


def test_what_takes_too_long_with_nothing_in_its_way_says_where_to_look() -> None:
    story = PAID_ORDER.after(minutes=2)
    situation = Situation("o-1", story.now, story.order, story.payment, story.process)
    assert ["trace fulfilment-o-1", "projections status", "verify"] == explain(situation).look
    assert [] == explain(replace(situation, now=NOON)).look


def test_where_the_bus_does_not_answer_that_is_said() -> None:
    told = RESERVED.explained(no_dead_letters="nothing answers there")
    assert told.endswith(f"{QUIET} Whether a message of it is dead is not known: nothing answers there.")


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_whatever_is_heard_in_whatever_order_is_explained(life: tuple[Fact, ...]) -> None:
    for order in permutations(life):
        story = Story()
        for heard in order:
            story = story.then(heard)
            assert story.explained().startswith("Order o-1 was ")
        assert "Its process has ended: nothing is outstanding." in story.explained()
