"""Any history that commands can lead to."""

from collections.abc import Iterable
from typing import Any

from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError


def history_of(aggregate: Aggregate[Any, Any, Any], commands: Iterable[Any], after: Iterable[Any] = ()) -> list[Any]:
    """The events of `after`, and those that these commands leave behind, refused ones left out."""
    events = list(after)
    state = aggregate.decider.fold(aggregate.decider.initial, events)
    for command in commands:
        try:
            decided = aggregate.decider.decide(command, state)
        except DomainError:
            continue
        state = aggregate.decider.fold(state, decided)
        events.extend(decided)
    return events
