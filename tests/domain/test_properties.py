"""What holds for every history that commands can lead to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ProcessPayment
from domain.payment.events import PaymentProcessed, PaymentRefunded, PaymentRequested, SurplusReceived, SurplusRefunded
from domain.registry import AGGREGATES
from domain.stock.aggregate import STOCK
from domain.stock.snapshot import from_data, to_data
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.storing.events import Metadata, StoredEvent
from engine.testing.times import NOON
from tests.domain.histories import COMMANDS, PAYMENT_COMMANDS, STOCK_COMMANDS
from tests.engine.histories import history_of
from tests.registered import CODEC

_METADATA = Metadata("e", NOON, "c", "c", "t", "a", "f")


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda each: each.category)
class TestEveryAggregate:
    @given(data=st.data())
    def test_its_decider_is_total(self, aggregate: Aggregate[Any, Any, Any], data: st.DataObject) -> None:
        """In every reachable state, every command gives events that fold, or a rejection."""
        commands = COMMANDS[aggregate.category]
        history = history_of(aggregate, data.draw(st.lists(commands, max_size=12)))
        state = aggregate.decider.fold(aggregate.decider.initial, history)
        command = data.draw(commands)
        try:
            decided = aggregate.decider.decide(command, state)
        except DomainError as rejection:
            assert str(rejection)
        else:
            aggregate.decider.fold(state, decided)

    @given(data=st.data())
    def test_every_event_comes_back_from_the_store_as_it_was(
        self, aggregate: Aggregate[Any, Any, Any], data: st.DataObject
    ) -> None:
        for event in history_of(aggregate, data.draw(st.lists(COMMANDS[aggregate.category], max_size=12))):
            type_, schema, encoded = CODEC.encode(event)
            stored = StoredEvent("s-1", 1, type_, schema, "k/0", encoded, _METADATA)
            assert event == CODEC.decode(stored).event


@given(st.lists(PAYMENT_COMMANDS, max_size=30))
def test_money_that_arrived_goes_back_at_most_once(commands: list[Any]) -> None:
    """What is kept is what was asked for, once, or nothing; every amount is that of the request."""
    kept, asked_for = 0, 0
    for event in history_of(PAYMENT, commands):
        match event:
            case PaymentRequested():
                asked_for = event.amount.amount
            case PaymentProcessed():
                kept += event.amount.amount
            case PaymentRefunded():
                kept -= event.amount.amount
        assert kept in (0, asked_for)


@given(st.lists(PAYMENT_COMMANDS, max_size=30))
def test_money_is_recorded_once_for_each_reference_and_all_but_the_first_goes_back(commands: list[Any]) -> None:
    history: list[Any] = []
    reported = set()
    for command in commands:
        history = history_of(PAYMENT, [command], history)
        if isinstance(command, ProcessPayment) and history:
            reported.add(command.reference)
    came = [each.reference for each in history if isinstance(each, PaymentProcessed | SurplusReceived)]
    assert sorted(reported) == sorted(came)
    assert came[1:] == [each.reference for each in history if isinstance(each, SurplusRefunded)]
    assert {each.amount for each in history if hasattr(each, "amount")} <= {each.amount for each in history[:1]}


@given(st.lists(STOCK_COMMANDS, max_size=30))
def test_stock_is_the_same_after_a_snapshot(commands: list[Any]) -> None:
    state = STOCK.decider.fold(STOCK.decider.initial, history_of(STOCK, commands))
    data = json.loads(json.dumps(to_data(state)))
    again = from_data(data)
    assert (state.on_hand, state.reserved) == (again.on_hand, again.reserved)
    assert dict(state.reservations) == dict(again.reservations)


@given(st.lists(STOCK_COMMANDS, max_size=30))
def test_stock_is_never_promised_twice(commands: list[Any]) -> None:
    state = STOCK.decider.initial
    for event in history_of(STOCK, commands):
        state = STOCK.decider.evolve(state, event)
        assert state.available >= 0
        assert sum(state.reservations.values()) == state.reserved
