"""What the worker gives to a function beside its bindings: `context`, and the box of an output parameter."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RpcException:
    """The exception of the attempt before."""

    source: str = ""
    stack_trace: str = ""
    message: str = ""


@dataclass(frozen=True)
class RetryContext:
    """`context.retry_context`: the worker names the exception `rpc_exception`, against the abstract class."""

    retry_count: int = 0
    max_retry_count: int = 0
    rpc_exception: RpcException = field(default=RpcException())


@dataclass(frozen=True)
class TraceContext:
    """Empty, as it is in the real host while no telemetry is configured."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a `context` parameter receives."""

    function_name: str
    function_directory: str
    invocation_id: str
    thread_local_storage: threading.local
    trace_context: TraceContext
    retry_context: RetryContext


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
