"""The cache of folded streams is bounded by bytes."""

from engine.commands.stream_state import StreamState, StreamStateCache
from tests.engine.toy.house import HouseState, Taken


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
    streams.put("small", StreamState(HouseState()))
    streams.put("large", StreamState(HouseState(100, Taken({f"g-{n}": 1 for n in range(100)}))))
    assert streams.get("large") is None


def test_a_stream_counts_once_however_often_it_is_put() -> None:
    streams = StreamStateCache(max_bytes=4_000)
    streams.put("a", StreamState("state"))
    for _ in range(100):
        streams.put("b", StreamState("state"))
    assert streams.get("a") is not None
