"""The contract of the store of generations."""

import asyncio
import uuid
from dataclasses import replace

import pytest

from engine.consuming.feed.port import FeedRange
from engine.projecting.generations.port import (
    Build,
    Generations,
    GenerationsConflict,
    GenerationStore,
    StoredGenerations,
    Walked,
    change,
    get_or_begin,
)
from engine.testing.times import NOON
from tests.engine.contracts.conftest import Adapters

ALL = Generations(
    serving=1,
    written=(1, 2),
    build=Build(
        2, "b-1", (Walked(FeedRange("", "7F"), "h-1"), Walked(FeedRange("7F", "FF"), "h-2", "p-2", 7)), closing=True
    ),
    dropped=3,
    flipped_at=NOON,
)


@pytest.fixture
def name() -> str:
    return f"guest-details-{uuid.uuid4()}"


async def stored(adapters: Adapters, name: str) -> StoredGenerations:
    found = await adapters.generations_peer.get(name)
    assert found is not None
    return found


async def test_another_process_reads_what_was_written_at_once(adapters: Adapters, name: str) -> None:
    assert await adapters.generations.get(name) is None
    await adapters.generations.put(name, ALL, None)
    for serving in range(2, 12):
        found = await stored(adapters, name)
        assert replace(ALL, serving=serving - 1) == found.generations
        await adapters.generations.put(name, replace(ALL, serving=serving), found.etag)


async def test_what_is_not_said_is_not_there(adapters: Adapters, name: str) -> None:
    await adapters.generations.put(name, Generations(1, (1,)), None)
    assert Generations(1, (1,)) == (await stored(adapters, name)).generations


async def test_of_two_that_write_what_they_read_one_fails(adapters: Adapters, name: str) -> None:
    await adapters.generations.put(name, ALL, None)
    with pytest.raises(GenerationsConflict):
        await adapters.generations_peer.put(name, ALL, None)
    etag = (await stored(adapters, name)).etag
    await adapters.generations.put(name, replace(ALL, serving=2), etag)
    with pytest.raises(GenerationsConflict):
        await adapters.generations_peer.put(name, replace(ALL, serving=3), etag)
    assert 2 == (await stored(adapters, name)).generations.serving


async def test_the_first_of_all_that_begin_decides(adapters: Adapters, name: str) -> None:
    both = await asyncio.gather(*(get_or_begin(each, name, 4) for each in _two(adapters)))
    assert [Generations(4, (4,))] * 2 == [each.generations for each in both]
    assert 4 == (await get_or_begin(adapters.generations, name, 5)).generations.serving


async def test_no_change_is_lost(adapters: Adapters, name: str) -> None:
    def more(now: Generations) -> Generations:
        return replace(now, serving=now.serving + 1)

    await asyncio.gather(*(change(each, name, 1, more) for each in _two(adapters) for _ in range(3)))
    assert 7 == (await stored(adapters, name)).generations.serving


def _two(adapters: Adapters) -> tuple[GenerationStore, GenerationStore]:
    return adapters.generations, adapters.generations_peer
