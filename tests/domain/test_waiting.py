"""What a process waits for, in every state that it can be in."""

from itertools import permutations, product
from typing import Any, Final, get_args, get_type_hints

import pytest

from domain.fulfilment.facts import Fact
from domain.fulfilment.state import Fulfilment, FulfilmentState, NotStarted
from domain.fulfilment.waiting import waits
from domain.money import Money
from tests.domain.test_every_order_of_facts import LIVES
from tests.domain.world import PROCESS

ORDERS: Final = get_args(get_type_hints(Fulfilment)["order"])
PAYMENTS: Final = get_args(get_type_hints(Fulfilment)["payment"])
SKUS: Final = (frozenset[str](), frozenset({"mug"}))

PAYMENT, BY_CUSTOMER = "the payment", ("the payment", "customer", "payment-o-1")
CLOSED = ("the payment to be closed", "service", "payment-o-1")
HEARD = ("its process to hear of the payment", "service", "payment-o-1")
REFUNDED = ("the payment to be refunded", "service", "payment-o-1")
OUTCOME = ("its process to hear what became of the order", "service", "order-o-1")
CONFIRMED = ("the order to be confirmed", "service", "order-o-1")
SHIPPED = ("the shipment", "warehouse", "order-o-1")
CANCELLED = ("the order to be cancelled", "service", "order-o-1")

OF_THE_ORDER: Final[dict[tuple[str, str], tuple[tuple[str, str, str], ...]]] = {
    ("placed", "none"): (OUTCOME,),
    ("placed", "requested"): (BY_CUSTOMER,),
    ("placed", "processed"): (OUTCOME,),
    ("placed", "failed"): (OUTCOME,),
    ("placed", "refunding"): (REFUNDED,),
    ("placed", "refunded"): (OUTCOME,),
    ("confirming", "none"): (CONFIRMED,),
    ("confirming", "requested"): (HEARD, CONFIRMED),
    ("confirming", "processed"): (CONFIRMED,),
    ("confirming", "failed"): (CONFIRMED,),
    ("confirming", "refunding"): (REFUNDED, CONFIRMED),
    ("confirming", "refunded"): (CONFIRMED,),
    ("confirmed", "none"): (SHIPPED,),
    ("confirmed", "requested"): (HEARD, SHIPPED),
    ("confirmed", "processed"): (SHIPPED,),
    ("confirmed", "failed"): (SHIPPED,),
    ("confirmed", "refunding"): (REFUNDED, SHIPPED),
    ("confirmed", "refunded"): (SHIPPED,),
    ("shipped", "none"): (),
    ("shipped", "requested"): (HEARD,),
    ("shipped", "processed"): (),
    ("shipped", "failed"): (),
    ("shipped", "refunding"): (REFUNDED,),
    ("shipped", "refunded"): (),
    ("cancelling", "none"): (CANCELLED,),
    ("cancelling", "requested"): (CLOSED, CANCELLED),
    ("cancelling", "processed"): (CANCELLED,),
    ("cancelling", "failed"): (CANCELLED,),
    ("cancelling", "refunding"): (REFUNDED, CANCELLED),
    ("cancelling", "refunded"): (CANCELLED,),
    ("cancelled", "none"): (),
    ("cancelled", "requested"): (CLOSED,),
    ("cancelled", "processed"): (),
    ("cancelled", "failed"): (),
    ("cancelled", "refunding"): (REFUNDED,),
    ("cancelled", "refunded"): (),
}
"""With no stock on its way. What no run of the service leads to is answered too: an operator may see it."""


def waited_for(state: FulfilmentState) -> tuple[tuple[str, str, str], ...]:
    return tuple((each.what, each.by, each.stream_id) for each in waits("o-1", state))


def in_state(order: Any, payment: Any, *skus: frozenset[str]) -> Fulfilment:
    return Fulfilment("o-1", Money(100, "EUR"), order, payment, *skus)


@pytest.mark.parametrize(("order", "payment"), [*product(ORDERS, PAYMENTS)], ids=str)
def test_each_state_of_order_and_payment_says_what_it_waits_for(order: str, payment: str) -> None:
    assert OF_THE_ORDER[order, payment] == waited_for(in_state(order, payment))


@pytest.mark.parametrize("order", ORDERS)
def test_each_sku_is_waited_for_by_itself_before_anything_else(order: str) -> None:
    state = in_state(order, "processed", frozenset({"mug", "cup"}), frozenset({"jug"}), frozenset({"pot"}))
    done = "dispatched" if order == "shipped" else "released"
    assert (
        ("cup to be reserved or refused", "service", "stock-cup"),
        ("mug to be reserved or refused", "service", "stock-mug"),
        (f"pot to be {done}", "service", "stock-pot"),
    ) == waited_for(state)[:3]


def test_what_has_not_started_waits_for_the_placement() -> None:
    expected = (("its process to hear of the placement", "service", "order-o-1"),)
    assert expected == waited_for(NotStarted())


@pytest.mark.parametrize("order", ORDERS)
def test_a_process_waits_for_something_until_it_has_ended(order: str) -> None:
    for payment, *skus in product(PAYMENTS, SKUS, SKUS, SKUS):
        state = in_state(order, payment, *skus)
        assert bool(waits("o-1", state)) != state.is_ended, state


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_having_heard_everything_in_whatever_order_it_waits_for_nothing(life: tuple[Fact, ...]) -> None:
    decider = PROCESS.aggregate.decider
    for order in permutations(life):
        state: FulfilmentState = decider.initial
        for heard in order:
            state = decider.fold(state, decider.decide(heard, state))
        assert () == waits("o-1", state), (order, state)
