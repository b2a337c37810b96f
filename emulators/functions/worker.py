"""The part that runs the app's code: an event loop in a thread of its own, and a pool for `def` handlers.

In Azure the Python worker is a process beside the host. So a handler that blocks its event loop stalls the
other handlers, but never the host: leases are renewed and requests are accepted meanwhile. A thread keeps that.
"""

import asyncio
import concurrent.futures
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# `context.thread_local_storage` of every invocation, as in the worker: one object for the process.
thread_storage = threading.local()
_invocation_of_task: ContextVar[str | None] = ContextVar("invocation_of_task", default=None)

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
    """Runs handlers. `exit_process` is called with the status when the app ends its process, or its event loop."""

    def __init__(self, exit_process: Callable[[int], None], threads: int = 1000) -> None:
        self._exit_process = exit_process
        self._loop = asyncio.new_event_loop()
        self._calls = Mailbox(self._loop)
        self._answers: Mailbox | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # The host sets PYTHON_THREADPOOL_THREAD_COUNT to 1000 unless the app does.
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._closing = False
        self._thread = threading.Thread(target=self._run_loop, name="worker", daemon=True)
        self._thread.start()

    async def on_loop(self, work: Callable[[], T]) -> T:
        """Call `work` on the app's event loop, where the worker imports the app."""

        async def call() -> T:
            return work()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), self._loop))

    async def run(
        self, invocation_id: str, handler: Callable[..., Any], is_async: bool, arguments: Mapping[str, Any]
    ) -> Any:
        """The handler's result, or its exception. Cancelling this does not stop the handler: nothing can.

        Raises NeverAnsweredError for what the real worker never answers.
        """
        if self._answers is None:
            self._answers = Mailbox(asyncio.get_running_loop())
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if is_async:
            self._calls.post(partial(self._start, self._answers, answer, invocation_id, handler, arguments))
        else:
            self._pool.submit(self._run_sync, self._answers, answer, invocation_id, handler, arguments)
        return await answer

    async def close(self) -> None:
        """End the loop and the idle threads; a handler that still runs keeps its thread."""
        self._closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._pool.shutdown(wait=False)

    def _run_loop(self) -> None:
        """The worker's process lives as long as its event loop. Any code of the app that runs there can end it."""
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as ending:
            self._exit_process(_status(ending))
            return
        if not self._closing:
            self._exit_process(1)

    def _start(
        self,
        answers: Mailbox,
        answer: asyncio.Future[Any],
        invocation_id: str,
        handler: Callable[..., Any],
        arguments: Mapping[str, Any],
    ) -> None:
        task = self._loop.create_task(self._run_async(answers, answer, invocation_id, handler, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_async(
        self,
        answers: Mailbox,
        answer: asyncio.Future[Any],
        invocation_id: str,
        handler: Callable[..., Any],
        arguments: Mapping[str, Any],
    ) -> None:
        _invocation_of_task.set(invocation_id)
        thread_storage.invocation_id = invocation_id
        result = None
        try:
            with self._as_in_the_worker():
                result = await handler(**arguments)
        # It is the handler's outcome, and raised where the invocation is awaited.
        except Exception as error:  # noqa: BLE001
            answers.post(partial(_fail, answer, error))
        else:
            answers.post(partial(_succeed, answer, result))

    def _run_sync(
        self,
        answers: Mailbox,
        answer: asyncio.Future[Any],
        invocation_id: str,
        handler: Callable[..., Any],
        arguments: Mapping[str, Any],
    ) -> None:
        thread_storage.invocation_id = invocation_id
        result = None
        try:
            with self._as_in_the_worker():
                result = handler(**arguments)
        except Exception as error:  # noqa: BLE001 - as above
            answers.post(partial(_fail, answer, error))
        else:
            answers.post(partial(_succeed, answer, result))
        finally:
            thread_storage.invocation_id = None

    @contextmanager
    def _as_in_the_worker(self) -> Iterator[None]:
        """The worker answers for an Exception only: two others end it, anything else is never answered."""
        try:
            yield
        except Exception:
            raise
        except (SystemExit, KeyboardInterrupt) as ending:
            self._exit_process(_status(ending))
        except BaseException as error:  # noqa: BLE001 - it is reported, never swallowed
            raise NeverAnsweredError(type(error).__name__) from None


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def thread_count(environment: Mapping[str, str]) -> int:
    """PYTHON_THREADPOOL_THREAD_COUNT, which the host sets to 1000 if the app does not; nonsense is ignored."""
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(text) if text.isdecimal() and int(text) > 0 else 1000


def current_invocation() -> str | None:
    """The invocation that a log record belongs to, found as the worker finds it.

    Tasks carry the id of the task that started them. Threads have one only if the app sets
    `context.thread_local_storage.invocation_id` in them.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is not None and (invocation := _invocation_of_task.get()) is not None:
        return invocation
    return getattr(thread_storage, "invocation_id", None)


def _status(ending: SystemExit | KeyboardInterrupt) -> int:
    if isinstance(ending, KeyboardInterrupt):
        return _INTERRUPTED
    if ending.code is None:
        return 0
    return ending.code if isinstance(ending.code, int) else 1


def end_process(status: int) -> None:
    """End this process at once, without the clean-up that a running handler's thread would block."""
    os._exit(status)
