"""Events of several streams in one line of time, whatever the clocks of their hosts said."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.projecting.timeline import Told, timeline
from engine.storing.events import Metadata, StoredEvent
from engine.testing.times import NOON


def event(stream_id: str, version: int, seconds: int, cause: str = "a command", event_id: str = "") -> StoredEvent:
    event_id = event_id or f"{stream_id}/{version}"
    metadata = Metadata(event_id, NOON + timedelta(seconds=seconds), "c", cause, "t", "a", "f")
    return StoredEvent(stream_id, version, "Happened", 1, f"k-{event_id}/0", {}, metadata)


def names(told: Sequence[Told]) -> list[str]:
    return [f"{each.event.stream_id}/{each.event.version}" for each in told]


@st.composite
def histories(draw: st.DrawFn) -> list[StoredEvent]:
    """Events as they come about: each is caused by an earlier one or by none, under the clock of its host."""
    events: list[StoredEvent] = []
    versions: dict[str, int] = {}
    for _ in range(draw(st.integers(0, 25))):
        stream_id = draw(st.sampled_from(["guest-a", "guest-b", "house-c", "house-d"]))
        version = versions[stream_id] = versions.get(stream_id, 0) + 1
        causes = ["a command", *(each.metadata.event_id for each in events)]
        events.append(event(stream_id, version, draw(st.integers(0, 9)), draw(st.sampled_from(causes))))
    return events


@given(events=histories(), seed=st.integers())
def test_each_comes_once_behind_its_cause_and_behind_the_earlier_ones_of_its_stream(
    events: list[StoredEvent], seed: int
) -> None:
    told = timeline(events)
    places = {each.event.metadata.event_id: place for place, each in enumerate(told)}
    assert sorted(places) == sorted(each.metadata.event_id for each in events)
    assert len(told) == len(events)
    for place, each in enumerate(told):
        event, cause = each
        assert (None if cause is None else cause.metadata.event_id) == next(
            (one.metadata.event_id for one in events if one.metadata.event_id == event.metadata.causation_id), None
        )
        assert cause is None or places[cause.metadata.event_id] < place
        earlier = f"{event.stream_id}/{event.version - 1}"
        assert event.version == 1 or places[earlier] < place

    shuffled = list(events)
    Random(seed).shuffle(shuffled)
    assert told == timeline(shuffled)


@given(events=histories())
def test_where_the_clocks_agree_with_the_causes_it_is_the_order_of_time(events: list[StoredEvent]) -> None:
    right = [
        event(each.stream_id, each.version, second, each.metadata.causation_id) for second, each in enumerate(events)
    ]
    assert [each.metadata.event_id for each in right] == names(timeline(right))


def test_a_clock_that_goes_wrong_moves_no_effect_before_its_cause() -> None:
    asked = event("guest-a", 1, 10)
    answered = event("house-c", 1, 2, cause="guest-a/1")
    unrelated = event("guest-b", 1, 5)
    assert ["guest-b/1", "guest-a/1", "house-c/1"] == names(timeline([answered, unrelated, asked]))


@given(
    events=st.lists(
        st.builds(
            event,
            st.sampled_from(["guest-a", "guest-b"]),
            st.integers(1, 4),
            st.integers(0, 3),
            cause=st.sampled_from([f"guest-{each}/{version}" for each in "ab" for version in range(1, 5)]),
        ),
        unique_by=lambda each: (each.stream_id, each.version),
    )
)
def test_events_that_claim_to_have_caused_each_other_are_told_nevertheless(events: list[StoredEvent]) -> None:
    told = timeline(events)
    assert sorted(names(told)) == sorted(each.metadata.event_id for each in events)
    for stream_id in ("guest-a", "guest-b"):
        versions = [each.event.version for each in told if each.event.stream_id == stream_id]
        assert versions == sorted(versions)


@pytest.mark.parametrize("copies", [["guest-a", "guest-b"], ["guest-a", "guest-a"]])
def test_copies_of_an_event_under_its_id_are_told_each(copies: list[str]) -> None:
    first, second = (event(stream_id, version, 0, event_id="e-1") for version, stream_id in enumerate(copies, start=1))
    effect = event("house-c", 1, 0, cause="e-1")
    told = timeline([effect, second, first])
    assert sorted(names(told)) == sorted([f"{copies[0]}/1", f"{copies[1]}/2", "house-c/1"])
    assert "house-c/1" == names(told)[-1]
