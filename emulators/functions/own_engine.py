"""The engine of this package: it loads and runs an app as the Python worker 4.x does, on every Python."""

import asyncio
import importlib
import inspect
import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from azure.functions import FunctionRegister

from emulators.functions.bindings import Binding
from emulators.functions.context import Context, Out, TraceContext
from emulators.functions.converters import decode, encode
from emulators.functions.engine import THREAD_COUNT, Answer, Call, Indexed, IndexingError
from emulators.functions.failures import reported
from emulators.functions.retry import policy_from_settings
from emulators.functions.signatures import Signature, check_signature

_MISSING = ". Cannot find module. Please check the requirements.txt file for the missing module."


# `context.thread_local_storage` of every invocation, as in the worker: one object for the process.
_thread_storage = threading.local()
_invocation_of_task: ContextVar[str | None] = ContextVar("invocation_of_task", default=None)


_SCRIPT_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_\-]*\.py$")


class InvalidFileNameError(Exception):
    """PYTHON_SCRIPT_FILE_NAME is none; the worker leaves its message unformatted."""


class OwnEngine:
    """See `Engine`; it can do without anything of Microsoft's but the library that the app imports.

    Handlers that are no coroutines run in a pool of `threads`, as many as Python has by default if it is None.
    """

    def __init__(self, threads: int | None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")

    def load(self, script: str) -> list[Indexed]:
        if not _SCRIPT_NAME.match(script):
            raise InvalidFileNameError("Invalid file name: %s", script)
        try:
            module = importlib.import_module(Path(script).stem)
            return self.index(_register_in(module, script))
        except ImportError as error:
            raise IndexingError.of(error, (), _MISSING) from error

    def index(self, app: FunctionRegister) -> list[Indexed]:
        return [self._indexed(function) for function in app.get_functions()]

    def current_invocation(self) -> str | None:
        """Tasks carry the id of the task that started them.

        Threads have one only if the app sets `context.thread_local_storage.invocation_id` in them.
        """
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is not None and (invocation := _invocation_of_task.get()) is not None:
            return invocation
        of_thread: str | None = getattr(_thread_storage, "invocation_id", None)
        return of_thread

    def _indexed(self, function: Any) -> Indexed:
        name = function.get_function_name()
        handler = function.get_user_function()
        raw_bindings = tuple(function.get_raw_bindings())
        signature = check_signature(name, handler, [Binding.from_json(json.loads(raw)) for raw in raw_bindings])
        return Indexed(
            name=name,
            raw_bindings=raw_bindings,
            trigger_name=function.get_trigger().name,
            retry=policy_from_settings(function.get_settings_dict("retry_policy")),
            body=_Body(name, handler, signature, self._pool).attempt,
            unsupported=signature.unsupported,
        )


def thread_count(environment: Mapping[str, str]) -> int | None:
    """PYTHON_THREADPOOL_THREAD_COUNT; None for what is no number, or none of threads."""
    try:
        count = int(environment.get(THREAD_COUNT, ""))
    except ValueError:
        return None
    return count if count > 0 else None


def _register_in(module: Any, script: str) -> FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if not found:
        raise ValueError(f"Could not find top level function app instances in {script}.")
    if len(found) > 1:
        raise ValueError(
            f"More than one {type(found[0]).__name__} or other top level function app instances are defined."
        )
    return found[0]


@dataclass(frozen=True)
class _Body:
    name: str
    handler: Callable[..., Any]
    signature: Signature
    pool: ThreadPoolExecutor

    async def attempt(self, call: Call) -> Answer:
        """On the loop but for a handler that is no coroutine: what it takes and gives is read and written there too."""
        _invocation_of_task.set(call.invocation_id)
        _thread_storage.invocation_id = call.invocation_id
        with reported():
            outs = {name: Out() for name in self.signature.outputs}
            arguments = self._arguments(call, outs)
            if inspect.iscoroutinefunction(self.handler):
                result = await self.handler(**arguments)
            else:
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self.pool, self._in_thread, call.invocation_id, arguments)
            return self._answer(result, outs)

    def _in_thread(self, invocation_id: str, arguments: Mapping[str, Any]) -> Any:
        _thread_storage.invocation_id = invocation_id
        try:
            return self.handler(**arguments)
        except StopIteration:
            # No future takes one. Python says it in these words itself from 3.12 on, and never answers before.
            text = "StopIteration interacts badly with generators and cannot be raised into a Future"
            raise RuntimeError(text) from None
        finally:
            _thread_storage.invocation_id = None

    def _arguments(self, call: Call, outs: dict[str, Out]) -> dict[str, Any]:
        inputs = self.signature.inputs
        given: dict[str, Any] = {
            name: decode(inputs[name], datum, call.trigger_metadata) for name, datum in call.inputs.items()
        }
        given.update(outs)
        if self.signature.requires_context:
            given["context"] = Context(
                function_name=self.name,
                function_directory=str(Path(inspect.getfile(self.handler)).parent),
                invocation_id=call.invocation_id,
                thread_local_storage=_thread_storage,
                trace_context=TraceContext(),
                # A copy: the object is the function's own, and the next attempt counts on.
                retry_context=replace(call.retry),
            )
        return given

    def _answer(self, result: Any, outs: dict[str, Out]) -> Answer:
        signature = self.signature
        if result is not None and signature.returns is None:
            raise RuntimeError(f"function {self.name!r} without a $return binding returned a non-None value")
        given = {name: out.get() for name, out in outs.items()}
        sent = {name: encode(signature.outputs[name], value) for name, value in given.items() if value is not None}
        outputs = {name: datum for name, datum in sent.items() if datum is not None}
        return Answer(None if signature.returns is None else encode(signature.returns, result), outputs)
