"""The part that runs the app's code: an event loop in a thread of its own, and a pool for `def` handlers.

In Azure the Python worker is a process beside the host. So a handler that blocks its event loop stalls the
other handlers, but never the host: leases are renewed and requests are accepted meanwhile. A thread keeps that.
"""

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# `context.thread_local_storage` of every invocation, as in the worker: one object for the process.
thread_storage = threading.local()
_invocation_of_task: ContextVar[str | None] = ContextVar("invocation_of_task", default=None)


class NeverAnsweredError(Exception):
    """Something that is no Exception left the handler, a CancelledError as a rule; the message names it."""


class Worker:
    """Runs handlers. `exit_process` is called with the status when a handler ends its process."""

    def __init__(self, exit_process: Callable[[int], None], threads: int = 1000) -> None:
        self._exit_process = exit_process
        self._loop = asyncio.new_event_loop()
        # The host sets PYTHON_THREADPOOL_THREAD_COUNT to 1000 unless the app does.
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker", daemon=True)
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
        if is_async:
            work: Coroutine[Any, Any, Any] = self._run_async(invocation_id, handler, arguments)
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        else:
            future = self._pool.submit(self._run_sync, invocation_id, handler, arguments)
        return await asyncio.shield(asyncio.wrap_future(future))

    async def close(self) -> None:
        """End the loop and the idle threads; a handler that still runs keeps its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._pool.shutdown(wait=False)

    async def _run_async(self, invocation_id: str, handler: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        _invocation_of_task.set(invocation_id)
        thread_storage.invocation_id = invocation_id
        with self._as_in_the_worker():
            return await handler(**arguments)

    def _run_sync(self, invocation_id: str, handler: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        thread_storage.invocation_id = invocation_id
        try:
            with self._as_in_the_worker():
                return handler(**arguments)
        finally:
            thread_storage.invocation_id = None

    @contextmanager
    def _as_in_the_worker(self) -> Iterator[None]:
        """The worker answers for an Exception only: SystemExit ends it, anything else is never answered."""
        try:
            yield
        except Exception:
            raise
        except SystemExit as ending:
            self._exit_process(_status(ending))
        except BaseException as error:  # noqa: BLE001 - it is reported, never swallowed
            raise NeverAnsweredError(type(error).__name__) from None


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


def _status(ending: SystemExit) -> int:
    if ending.code is None:
        return 0
    return ending.code if isinstance(ending.code, int) else 1


def end_process(status: int) -> None:
    """End this process at once, without the clean-up that a running handler's thread would block."""
    os._exit(status)
