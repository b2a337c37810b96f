"""A stream is read page by page, and a page that fails is read again."""

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from engine.errors import Throttled, Unavailable
from engine.storing import pages as reading
from engine.storing.events import StoredEvent
from engine.storing.memory import MemoryEventStore
from engine.storing.pages import pages
from engine.storing.port import PAGE
from tests.engine.houses import HOUSE_STREAM, filled_with_beds


class FailingStore(MemoryEventStore):
    """Raises `failures[after]` for as often as they were given, before it answers a read after that version."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[int, list[Unavailable]] = {}
        self.reads: list[int] = []

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        self.reads.append(after)
        if self.failures.get(after):
            raise self.failures[after].pop()
        return await super().read(stream_id, after, limit)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    monkeypatch.setattr(reading, "PAGE", 10)
    return FailingStore()


async def versions(store: FailingStore) -> list[int]:
    return [event.version async for page in pages(store, HOUSE_STREAM) for event in page]


async def test_a_page_that_fails_is_read_again_from_where_the_one_before_ended(store: FailingStore) -> None:
    await filled_with_beds(store, 35)
    store.failures = {0: [Throttled("t", 0)] * 2, 10: [Unavailable("lost", 0)] * 4, 30: [Throttled("t", 0)]}
    assert list(range(1, 36)) == await versions(store)
    assert [*[0] * 3, *[10] * 5, 20, *[30] * 2] == store.reads


async def test_a_store_that_is_away_from_the_beginning_is_not_waited_for(store: FailingStore) -> None:
    await filled_with_beds(store, 5)
    store.failures = {0: [Unavailable("away")]}
    with pytest.raises(Unavailable):
        await versions(store)
    assert [0] == store.reads


async def test_a_page_that_goes_on_failing_is_given_up(store: FailingStore) -> None:
    await filled_with_beds(store, 35)
    store.failures = {20: [Unavailable("away", 0)] * 9}
    with pytest.raises(Unavailable):
        await versions(store)
    assert [0, 10, *[20] * 5] == store.reads


async def test_a_pause_is_as_long_as_the_store_asks_for(store: FailingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    await filled_with_beds(store, 5)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    store.failures = {0: [Throttled("t", 0.7), Throttled("t", 0.2)]}
    assert 5 == len(await versions(store))
    assert [0.2, 0.7] == pauses


async def test_what_ends_with_a_page_is_known_to_end(store: FailingStore) -> None:
    await filled_with_beds(store, 20)
    assert list(range(1, 21)) == await versions(store)
    assert [] == [page async for page in pages(store, f"house-{uuid.uuid4()}")]
    assert [5, 6] == [event.version async for page in pages(store, HOUSE_STREAM, 4, 6) for event in page]
