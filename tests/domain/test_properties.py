"""What holds for every history that commands can lead to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composition.services import CODEC
from domain.aggregate import Aggregate
from domain.aggregates import AGGREGATES, STOCK
from domain.decider import DomainError
from eventstore.events import Metadata, StoredEvent
from tests.domain.histories import COMMANDS, STOCK_COMMANDS, history_of
from tests.specification import NOON

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


@given(st.lists(STOCK_COMMANDS, max_size=30))
def test_stock_is_never_promised_twice(commands: list[Any]) -> None:
    state = STOCK.decider.initial
    for event in history_of(STOCK, commands):
        state = STOCK.decider.evolve(state, event)
        assert state.available >= 0
        assert sum(state.reservations.values()) == state.reserved
