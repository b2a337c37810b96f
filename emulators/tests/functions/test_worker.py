"""The thread that runs the app's code, and the way to it and back."""

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from emulators.functions.worker import Mailbox, Worker


class CountingLoop:
    """Counts how often it is woken, and calls when told to."""

    def __init__(self) -> None:
        self.wakes: list[Any] = []

    def call_soon_threadsafe(self, callback: Any) -> None:
        self.wakes.append(callback)


@pytest.mark.verified("docs", feature="Handlers run beside the host")
def test_many_calls_wake_a_loop_once_and_the_next_one_wakes_it_again() -> None:
    loop, made = CountingLoop(), list[int]()
    mailbox = Mailbox(loop)  # type: ignore[arg-type]
    for number in range(3):
        mailbox.post(lambda number=number: made.append(number))  # type: ignore[misc]
    assert ([], 1) == (made, len(loop.wakes))
    loop.wakes[0]()
    assert [0, 1, 2] == made
    mailbox.post(lambda: made.append(3))
    assert 2 == len(loop.wakes)


@pytest.mark.verified("docs", feature="Handlers run beside the host")
async def test_results_and_errors_of_many_attempts_come_back_to_their_callers() -> None:
    worker = Worker(lambda status: None)

    async def attempt(number: int) -> tuple[int, str]:
        await asyncio.sleep(0)
        if number % 3 == 0:
            raise ValueError(number)
        return number, threading.current_thread().name

    try:
        attempts = (worker.run(partial(attempt, number)) for number in range(300))
        results = await asyncio.gather(*attempts, return_exceptions=True)
    finally:
        await worker.close()
    for number, result in enumerate(results):
        if number % 3 == 0:
            assert isinstance(result, ValueError)
            assert (number,) == result.args
        else:
            assert (number, "worker") == result


class Exits:
    """A worker whose app may end its process; the statuses are kept."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.told = threading.Event()
        self.worker = Worker(self._exit)

    def _exit(self, status: int) -> None:
        self.statuses.append(status)
        self.told.set()

    async def status_after(self, work: Any) -> int:
        """The status with which the process would have ended; `work` runs on the app's event loop."""
        ending = asyncio.create_task(self.worker.run(work))
        assert await asyncio.to_thread(self.told.wait, 10)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        await asyncio.to_thread(self._clean_up)
        return self.statuses[0]

    def _clean_up(self) -> None:
        """What ends with a process ends by hand here, where none ends."""
        self.worker._thread.join()
        left = asyncio.all_tasks(self.worker._loop)
        for task in left:
            task.cancel()
        self.worker._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.worker._loop.close()


@pytest.mark.verified("docs", feature="A handler that ends its process")
async def test_an_app_that_stops_its_event_loop_ends_its_process() -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)

    assert 1 == await Exits().status_after(stop)


@pytest.mark.verified("docs", feature="A handler that ends its process")
@pytest.mark.parametrize(("ending", "status"), [(SystemExit(7), 7), (KeyboardInterrupt(), 130)])
async def test_a_task_of_an_app_that_exits_ends_its_process(ending: BaseException, status: int) -> None:
    async def leave() -> None:
        raise ending

    async def start() -> None:
        kept.append(asyncio.create_task(leave()))
        await asyncio.Event().wait()

    kept: list[Any] = []
    assert status == await Exits().status_after(start)


@pytest.mark.verified("docs", feature="A handler that ends its process")
@pytest.mark.parametrize(("ending", "status"), [(SystemExit(7), 7), (KeyboardInterrupt(), 130)])
async def test_an_attempt_that_exits_ends_its_process(ending: BaseException, status: int) -> None:
    async def leave() -> None:
        raise ending

    exits = Exits()
    calling = asyncio.create_task(exits.worker.run(leave))
    assert await asyncio.to_thread(exits.told.wait, 10)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await exits.worker.close()
    assert [status] == exits.statuses
