"""One invocation of a function: its inputs, the attempt of the engine within its time, its outputs."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from azure.functions.meta import Datum

from emulators.functions.bindings import Binding
from emulators.functions.console import Console
from emulators.functions.context import RpcException
from emulators.functions.engine import Answer, Call
from emulators.functions.failures import AppError, reported
from emulators.functions.indexing import Function
from emulators.functions.worker import NeverAnsweredError, Worker


@dataclass(frozen=True)
class Success:
    """The function returned. `response` is what it gave to its HTTP output, None if it gave nothing or has none.

    `returned` is its return value, as its trigger takes it; None if there is none.
    """

    response: Datum | None
    seconds: float
    returned: Datum | None = None


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
                answer = await self._attempt(function, call)
            values = {**answer.outputs} if answer.returned is None else {**answer.outputs, "$return": answer.returned}
            await self._write_outputs(function, call, values)
            return Success(_response(function, values), time.monotonic() - started, answer.returned)
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

    async def _attempt(self, function: Function, call: Call) -> Answer:
        try:
            return await self._worker.run(partial(function.body, call))
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
