"""Who asks at the same time, or soon after, gets what another one has read; nobody takes it from the others."""

import asyncio
import gc
from typing import Any

import pytest

from engine.errors import Unavailable
from engine.sharing import Shared

FRESH_FOR = 1.0


class Library:
    """Counts its readings. Each waits until it is let go, and returns its number, or fails."""

    def __init__(self) -> None:
        self.now = 100.0
        self.readings = 0
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.shared = Shared[int](FRESH_FOR, lambda: self.now)

    async def read(self) -> int:
        self.readings += 1
        number = self.readings
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return number

    def asked(self) -> asyncio.Task[int]:
        return asyncio.create_task(self.shared.get(self.read))


@pytest.fixture
def library() -> Library:
    return Library()


async def begun() -> None:
    """Lets everything go on that is ready to."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_all_that_ask_while_it_is_read_share_one_reading_however_long_it_takes(library: Library) -> None:
    first = [library.asked() for _ in range(50)]
    await begun()
    library.now += 5 * FRESH_FOR
    later = [library.asked() for _ in range(50)]
    await begun()
    library.open.set()
    assert {1} == set(await asyncio.gather(*first, *later))
    assert 1 == library.readings


async def test_it_is_fresh_for_a_while_from_its_beginning(library: Library) -> None:
    library.open.set()
    assert [1, 1] == [await library.asked(), await library.asked()]
    library.now += FRESH_FOR - 0.001
    assert 1 == await library.asked()
    library.now += 0.001
    assert 2 == await library.asked()


async def test_a_failure_is_shared_for_as_long(library: Library) -> None:
    library.error = Unavailable("away")
    library.open.set()
    told = await asyncio.gather(*(library.asked() for _ in range(3)), return_exceptions=True)
    assert [library.error] * 3 == told
    with pytest.raises(Unavailable):
        await library.asked()
    library.error = None
    library.now += FRESH_FOR
    assert 2 == await library.asked()


async def test_what_is_recent_is_had_without_waiting_and_read_anew_for_later(library: Library) -> None:
    def asked() -> asyncio.Task[int]:
        return asyncio.create_task(library.shared.recent(library.read, 3 * FRESH_FOR))

    first = asked()
    await begun()
    assert not first.done()
    library.open.set()
    assert 1 == await first
    library.open.clear()
    library.now += 2 * FRESH_FOR
    assert [1, 1] == [await asked(), await asked()]
    assert 2 == library.readings
    library.open.set()
    await begun()
    assert 2 == await asked()


async def test_what_is_older_is_waited_for(library: Library) -> None:
    library.open.set()
    assert 1 == await library.shared.recent(library.read, 3 * FRESH_FOR)
    library.now += 3 * FRESH_FOR
    assert 2 == await library.shared.recent(library.read, 3 * FRESH_FOR)


async def test_a_failure_is_not_what_is_known(library: Library) -> None:
    library.open.set()
    assert 1 == await library.shared.recent(library.read, 3 * FRESH_FOR)
    library.error = Unavailable("away")
    library.now += FRESH_FOR
    assert [1, 1] == [await library.shared.recent(library.read, 3 * FRESH_FOR) for _ in range(2)]
    library.now += 2 * FRESH_FOR
    with pytest.raises(Unavailable):
        await library.shared.recent(library.read, 3 * FRESH_FOR)


async def test_a_caller_that_is_cancelled_leaves_the_reading_to_the_others(library: Library) -> None:
    first, second = library.asked(), library.asked()
    await begun()
    first.cancel()
    await begun()
    library.open.set()
    assert 1 == await second
    assert first.cancelled()


async def test_a_failure_that_nobody_waits_for_any_more_is_no_complaint(library: Library) -> None:
    complaints = list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
    caller = library.asked()
    await begun()
    caller.cancel()
    library.error = Unavailable("away")
    library.open.set()
    await begun()
    del caller
    library.shared = Shared(FRESH_FOR, lambda: 0.0)
    gc.collect()
    assert [] == complaints
