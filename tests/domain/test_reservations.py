"""Open reservations behave like a dictionary that never changes."""

from hypothesis import given
from hypothesis import strategies as st

from domain.stock.reservations import Reservations

_CHANGES = st.lists(st.tuples(st.text(max_size=3), st.none() | st.integers(1, 9)), max_size=60)


@given(_CHANGES)
def test_it_holds_what_a_dictionary_would_hold(changes: list[tuple[str, int | None]]) -> None:
    expected: dict[str, int] = {}
    reservations = Reservations()
    for order_id, quantity in changes:
        if quantity is None:
            expected.pop(order_id, None)
            reservations = reservations.without(order_id)
        else:
            expected[order_id] = quantity
            reservations = reservations.with_entry(order_id, quantity)
    assert expected == dict(reservations)
    assert len(expected) == len(reservations)


def test_a_change_leaves_the_original_as_it_was() -> None:
    original = Reservations().with_entry("o-1", 1)
    original.with_entry("o-1", 2)
    original.without("o-1")
    assert {"o-1": 1} == dict(original)
