"""One invocation of a function: build its arguments, run it, read what it gave back."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from azure.functions.meta import Datum

from emulators.functions import worker as worker_module
from emulators.functions.bindings import Binding
from emulators.functions.console import Console
from emulators.functions.context import Context, Out, RetryContext, RpcException, TraceContext
from emulators.functions.converters import decode, encode
from emulators.functions.failures import AppError, reported
from emulators.functions.indexing import Function
from emulators.functions.worker import NeverAnsweredError, Worker


@dataclass(frozen=True)
class Call:
    """What the host sends to the worker as `invocation_request`."""

    inputs: Mapping[str, Datum | None]
    trigger_metadata: Mapping[str, Datum] = field(default_factory=dict)
    retry: RetryContext = field(default_factory=RetryContext)
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Success:
    """The function returned. `response` is what it gave to its HTTP output, None if it gave nothing or has none."""

    response: Datum | None
    seconds: float


@dataclass(frozen=True)
class Failure:
    """The invocation failed; `stack` holds the frames of the app only."""

    message: str
    stack: str
    seconds: float
    timed_out: bool = False

    def summary(self, what: str) -> str:
        """This failure in one line; `what` says what the function was working on."""
        return f"FAILED {what} {self.seconds * 1000:.0f} ms: {self.message}"

    def as_rpc_exception(self, function: str) -> RpcException:
        """This failure as the next attempt sees it in its retry context."""
        return RpcException(
            source="System.Private.CoreLib",
            stack_trace=self.stack,
            message="Microsoft.Azure.WebJobs.Host.FunctionInvocationException : Exception while executing "
            f"function: Functions.{function} ---> Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException : "
            f"Result: Failure\nException: {self.message}\nStack: {self.stack}",
        )


Outcome = Success | Failure


def report(console: Console, function: str, outcome: Outcome, what: str) -> None:
    """Show how an invocation ended; `what` says what the function was working on."""
    if isinstance(outcome, Success):
        console.outcome(function, f"ok {what} {outcome.seconds * 1000:.0f} ms")
    else:
        console.outcome(function, outcome.summary(what), outcome.stack)


class DataBindings(Protocol):
    """Input and output bindings beside the trigger; both raise any error for a failed invocation."""

    async def read(self, binding: Binding, trigger_metadata: Mapping[str, Datum]) -> Datum: ...

    async def write(self, binding: Binding, value: Datum, call: Call) -> None: ...


class Invoker:
    """Runs functions, each for at most `timeout` seconds, and knows which invocations are running.

    `idle` is set while nothing runs. `timed_out` is set after a timeout: the real host replaces its worker
    process then, because a handler cannot be stopped; whoever owns the invoker replaces this process.
    """

    def __init__(self, worker: Worker, console: Console, data: DataBindings, timeout: float | None) -> None:
        self._worker = worker
        self._data = data
        self._console = console
        self._timeout = timeout
        self.running: dict[str, str] = {}
        self.timed_out = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    async def invoke(self, function: Function, call: Call) -> Outcome:
        """Run a function once. Never raises: whatever goes wrong is the outcome."""
        started = time.monotonic()
        self.running[call.invocation_id] = function.name
        self.idle.clear()
        try:
            call = await self._with_inputs(function, call)
            async with asyncio.timeout(self._timeout):
                returned, outputs = await self._attempt(function, call)
            values = outputs if returned is None else {**outputs, "$return": returned}
            await self._write_outputs(function, call, values)
            return Success(_response(function, values), time.monotonic() - started)
        except TimeoutError:
            # A handler's own TimeoutError went another way: _attempt wraps what a handler raises.
            self.timed_out.set()
            return Failure(
                f"Timeout value of {timedelta(seconds=self._timeout or 0)} exceeded by function "
                f"'Functions.{function.name}' (Id: '{call.invocation_id}')",
                "",
                time.monotonic() - started,
                timed_out=True,
            )
        except AppError as error:
            return Failure(error.message, error.stack, time.monotonic() - started)
        except Exception as error:  # noqa: BLE001 - a listener that ends with it would leave its trigger unserved
            report = AppError.of(error)
            return Failure(report.message, report.stack, time.monotonic() - started)
        finally:
            self._ended(call)

    def _ended(self, call: Call) -> None:
        self.running.pop(call.invocation_id, None)
        if not self.running:
            self.idle.set()

    async def _with_inputs(self, function: Function, call: Call) -> Call:
        # Whatever a binding raises is the outcome of the invocation: the handler does not run.
        with reported():
            read = {
                binding.name: await self._data.read(binding, call.trigger_metadata)
                for binding in function.bindings
                if binding.direction == "IN" and binding.name != function.trigger_name
            }
        return replace(call, inputs={**call.inputs, **read})

    async def _write_outputs(self, function: Function, call: Call, values: Mapping[str, Datum]) -> None:
        """After the handler, before the invocation counts as done: a failing write fails it."""
        with reported():
            for binding in function.bindings:
                if binding.direction == "OUT" and binding.type != "http" and binding.name in values:
                    await self._data.write(binding, values[binding.name], call)

    async def _attempt(self, function: Function, call: Call) -> tuple[Datum | None, dict[str, Datum]]:
        try:
            attempt = _attempt_of(function, call)
            return await self._worker.run(call.invocation_id, attempt, function.is_async, {})  # type: ignore[no-any-return]
        except NeverAnsweredError as error:
            self._console.line(
                f"{function.name} NEVER ANSWERS: a {error} left the handler, and the worker sends no response then; "
                "the invocation hangs until functionTimeout",
                f"invocation {call.invocation_id}",
            )
            self._ended(call)
            await asyncio.get_running_loop().create_future()
            raise AssertionError("unreachable") from None


def _response(function: Function, values: Mapping[str, Datum]) -> Datum | None:
    """The value of the HTTP output, whatever its name."""
    outputs = (each for each in function.bindings if each.direction == "OUT" and each.type == "http")
    return next((values[each.name] for each in outputs if each.name in values), None)


def _attempt_of(function: Function, call: Call) -> Callable[[], Any]:
    """All of an attempt that may run code of the app, to be run where the app runs. It raises AppError.

    That is more than the handler: classes of the app may stand behind what it returns and raises.
    """
    signature = function.signature
    outs = {name: Out() for name in signature.outputs}

    def arguments() -> dict[str, Any]:
        given: dict[str, Any] = {
            name: decode(signature.inputs[name], datum, call.trigger_metadata) for name, datum in call.inputs.items()
        }
        given.update(outs)
        if signature.requires_context:
            given["context"] = Context(
                function_name=function.name,
                function_directory=function.directory,
                invocation_id=call.invocation_id,
                thread_local_storage=worker_module.thread_storage,
                trace_context=TraceContext(),
                # A copy: the object is the function's own, and the next attempt counts on.
                retry_context=replace(call.retry),
            )
        return given

    def answer(result: Any) -> tuple[Datum | None, dict[str, Datum]]:
        if result is not None and signature.returns is None:
            raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
        returned = None if signature.returns is None else encode(signature.returns, result)
        outputs = {
            name: encode(signature.outputs[name], out.get()) for name, out in outs.items() if out.get() is not None
        }
        return returned, outputs

    def attempt() -> tuple[Datum | None, dict[str, Datum]]:
        with reported():
            return answer(function.handler(**arguments()))

    async def attempt_async() -> tuple[Datum | None, dict[str, Datum]]:
        with reported():
            return answer(await function.handler(**arguments()))

    return attempt_async if function.is_async else attempt
