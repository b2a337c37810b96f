"""The cache of folded streams is bounded by bytes."""

from application.folded import Folded, FoldedStreams
from domain.stock.reservations import Reservations
from domain.stock.state import StockState


def test_it_forgets_what_was_used_longest_ago() -> None:
    streams = FoldedStreams(max_bytes=4_000)
    for name in ("a", "b", "c"):
        streams.put(name, Folded("state"))
    streams.get("a")
    streams.put("d", Folded("state"))
    streams.put("e", Folded("state"))
    assert [True, False, True] == [streams.get(name) is not None for name in ("a", "b", "c")]


def test_a_large_state_counts_for_what_it_holds() -> None:
    streams = FoldedStreams(max_bytes=20_000)
    streams.put("small", Folded(StockState()))
    reservations = Reservations()
    for n in range(100):
        reservations = reservations.with_entry(f"o-{n}", 1)
    streams.put("large", Folded(StockState(100, 100, reservations)))
    assert streams.get("large") is None


def test_a_stream_counts_once_however_often_it_is_put() -> None:
    streams = FoldedStreams(max_bytes=4_000)
    streams.put("a", Folded("state"))
    for _ in range(100):
        streams.put("b", Folded("state"))
    assert streams.get("a") is not None
