"""What the worker gives to a function beside its bindings: `context`, and the box of an output parameter.

The objects are the worker's own, built after the library's abstract classes and not by them: they have names that those
have not, and a function may keep things of its own on them.
"""

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RpcException:
    """The exception of the attempt before."""

    source: str = ""
    stack_trace: str = ""
    message: str = ""


@dataclass
class RetryContext:
    """`context.retry_context`: the worker names the exception `rpc_exception`, against the abstract class."""

    retry_count: int = 0
    max_retry_count: int = 0
    rpc_exception: RpcException = field(default=RpcException())


class TraceContext:
    """`context.trace_context`, empty as it is in the real host while no telemetry is configured."""

    def __init__(self, trace_parent: str = "", trace_state: str = "", attributes: dict[str, str] | None = None) -> None:
        self._trace_parent = trace_parent
        self._trace_state = trace_state
        self._attributes = {} if attributes is None else attributes

    @property
    def trace_parent(self) -> str:
        return self._trace_parent

    @property
    def trace_state(self) -> str:
        return self._trace_state

    @property
    def attributes(self) -> dict[str, str]:
        return self._attributes

    # The names of the worker's first years, which it has kept.
    Traceparent = trace_parent
    Tracestate = trace_state
    Attributes = attributes


class Context:
    """What a `context` parameter receives."""

    def __init__(
        self,
        *,
        function_name: str,
        function_directory: str,
        invocation_id: str,
        thread_local_storage: threading.local,
        trace_context: TraceContext,
        retry_context: RetryContext,
    ) -> None:
        self._function_name = function_name
        self._function_directory = function_directory
        self._invocation_id = invocation_id
        self._thread_local_storage = thread_local_storage
        self._trace_context = trace_context
        self._retry_context = retry_context

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return self._function_directory

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> threading.local:
        return self._thread_local_storage

    @property
    def trace_context(self) -> TraceContext:
        return self._trace_context

    @property
    def retry_context(self) -> RetryContext:
        return self._retry_context


class Out:
    """What a parameter of an output binding receives."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """What the function gives to the binding; the last call counts."""
        self._value = val

    def get(self) -> Any:
        """What was given, None if nothing was."""
        return self._value
