"""The part that runs the app's code: an event loop in a thread of its own.

In Azure the Python worker is a process beside the host. So a handler that blocks its event loop stalls the
other handlers, but never the host: leases are renewed and requests are accepted meanwhile. A thread keeps that.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# The status of a process that a KeyboardInterrupt ended.
_INTERRUPTED = 130


class NeverAnsweredError(Exception):
    """Something that is no Exception left the handler, a CancelledError as a rule; the message names it."""


class Mailbox:
    """Calls for an event loop from other threads. Many that come at once cost one wake-up of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], None]] = deque()
        self._woken = False

    def post(self, call: Callable[[], None]) -> None:
        """Have the loop make a call; after the loop has ended it is lost."""
        self._waiting.append(call)
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        # Before the first look: whoever posts behind the last one wakes the loop again.
        self._woken = False
        while self._waiting:
            self._waiting.popleft()()


class Worker:
    """Runs attempts. `exit_process` is called with the status when the app ends its process, or its event loop."""

    def __init__(self, exit_process: Callable[[int], None]) -> None:
        self._exit_process = exit_process
        self._loop = asyncio.new_event_loop()
        self._calls = Mailbox(self._loop)
        self._answers: Mailbox | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._run_loop, name="worker", daemon=True)
        self._thread.start()

    async def on_loop(self, work: Callable[[], T]) -> T:
        """Call `work` on the app's event loop, where the worker imports the app."""

        async def call() -> T:
            return work()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self._loop))

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result, or its exception. Cancelling this does not stop the attempt: nothing can.

        Raises NeverAnsweredError for what the real worker never answers.
        """
        if self._answers is None:
            self._answers = Mailbox(asyncio.get_running_loop())
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.post(partial(self._start, self._answers, answer, attempt))
        return await answer

    async def close(self) -> None:
        """End the loop; a handler that still runs in a thread keeps it."""
        self._closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    def _run_loop(self) -> None:
        """The worker's process lives as long as its event loop. Any code of the app that runs there can end it."""
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as ending:
            self._exit_process(_status(ending))
            return
        if not self._closing:
            self._exit_process(1)

    def _start(self, answers: Mailbox, answer: asyncio.Future[T], attempt: Callable[[], Awaitable[T]]) -> None:
        task = self._loop.create_task(self._answer(answers, answer, attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, answers: Mailbox, answer: asyncio.Future[T], attempt: Callable[[], Awaitable[T]]) -> None:
        """The worker answers for an Exception only: two others end it, anything else is never answered."""
        try:
            result = await attempt()
        # It is the handler's outcome, and raised where the invocation is awaited.
        except Exception as error:  # noqa: BLE001
            answers.post(partial(_fail, answer, error))
        except (SystemExit, KeyboardInterrupt) as ending:
            # Where a process is ended by it, nothing comes after this.
            self._exit_process(_status(ending))
        except BaseException as error:  # noqa: BLE001 - it is reported, never swallowed
            answers.post(partial(_fail, answer, NeverAnsweredError(type(error).__name__)))
        else:
            answers.post(partial(_succeed, answer, result))


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _status(ending: SystemExit | KeyboardInterrupt) -> int:
    if isinstance(ending, KeyboardInterrupt):
        return _INTERRUPTED
    if ending.code is None:
        return 0
    return ending.code if isinstance(ending.code, int) else 1


def end_process(status: int) -> None:
    """End this process at once, without the clean-up that a running handler's thread would block."""
    os._exit(status)
