"""The thread that runs the app's code, and the way to it and back."""

import asyncio
import threading
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
@pytest.mark.parametrize("is_async", [False, True])
async def test_results_and_errors_of_many_calls_come_back_to_their_callers(is_async: bool) -> None:
    worker = Worker(lambda status: None, threads=4)

    def work(number: int) -> tuple[int, str]:
        if number % 3 == 0:
            raise ValueError(number)
        return number, threading.current_thread().name

    async def work_async(number: int) -> tuple[int, str]:
        await asyncio.sleep(0)
        return work(number)

    handler: Any = work_async if is_async else work
    try:
        calls = (worker.run(f"i{number}", handler, is_async, {"number": number}) for number in range(300))
        results = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await worker.close()
    for number, result in enumerate(results):
        if number % 3 == 0:
            assert isinstance(result, ValueError)
            assert (number,) == result.args
        else:
            assert isinstance(result, tuple)
            assert number == result[0]
            assert result[1].startswith("worker" if is_async else "function")


@pytest.mark.verified("docs", feature="Handlers run beside the host")
async def test_a_stop_iteration_is_an_error_like_others() -> None:
    worker = Worker(lambda status: None, threads=1)

    def stop() -> None:
        raise StopIteration

    try:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await worker.run("i", stop, False, {})
    finally:
        await worker.close()
