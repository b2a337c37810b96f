"""The cache of folded streams is bounded by bytes."""

from domain.stock.reservations import Reservations
from domain.stock.state import StockState
from engine.commands.stream_state import StreamState, StreamStateCache


def test_it_forgets_what_was_used_longest_ago() -> None:
    streams = StreamStateCache(max_bytes=4_000)
    for name in ("a", "b", "c"):
        streams.put(name, StreamState("state"))
    streams.get("a")
    streams.put("d", StreamState("state"))
    streams.put("e", StreamState("state"))
    assert [True, False, True] == [streams.get(name) is not None for name in ("a", "b", "c")]


def test_a_large_state_counts_for_what_it_holds() -> None:
    streams = StreamStateCache(max_bytes=20_000)
    streams.put("small", StreamState(StockState()))
    reservations = Reservations()
    for n in range(100):
        reservations = reservations.with_entry(f"o-{n}", 1)
    streams.put("large", StreamState(StockState(100, 100, reservations)))
    assert streams.get("large") is None


def test_a_stream_counts_once_however_often_it_is_put() -> None:
    streams = StreamStateCache(max_bytes=4_000)
    streams.put("a", StreamState("state"))
    for _ in range(100):
        streams.put("b", StreamState("state"))
    assert streams.get("a") is not None
