"""What runs an app's code: it loads the app as the Python worker does, and makes an attempt of each invocation.

An engine is the worker's side of the wire between host and worker, without the wire. The host resolves settings, drives
triggers, writes outputs; it knows functions by what a worker reports of them, and runs them by their bodies.
"""

import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from azure.functions import FunctionRegister
from azure.functions.meta import Datum

from emulators.functions.context import RetryContext
from emulators.functions.failures import message_of
from emulators.functions.retry import RetryPolicy

THREAD_COUNT = "PYTHON_THREADPOOL_THREAD_COUNT"
"""The variable by which the host tells the worker how many threads it has for handlers that are no coroutines."""


@dataclass(frozen=True)
class Call:
    """What the host sends to the worker as `invocation_request`."""

    inputs: Mapping[str, Datum | None]
    trigger_metadata: Mapping[str, Datum] = field(default_factory=dict)
    retry: RetryContext = field(default_factory=RetryContext)
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Answer:
    """What the worker sends back for a function that returned: None if it has no return value, and its outputs."""

    returned: Datum | None
    outputs: Mapping[str, Datum]


Body = Callable[[Call], Awaitable[Answer]]
"""A function as an engine holds it: makes one attempt, on the app's event loop, in a task of its own.

Raises AppError for what the worker answers as a failure.
"""


@dataclass(frozen=True)
class Indexed:
    """What the worker reports of one function, as `RpcFunctionMetadata`, and its body.

    `unsupported` names what the worker would serve, and this engine does not.
    """

    name: str
    raw_bindings: tuple[str, ...]
    trigger_name: str
    retry: RetryPolicy | None
    body: Body
    unsupported: str | None = None


class Engine(Protocol):
    """Both ways to functions raise whatever makes the worker report none at all."""

    def load(self, script: str) -> list[Indexed]:
        """The functions of a file, which is imported by its name."""

    def index(self, app: FunctionRegister) -> list[Indexed]:
        """The functions of an app object."""

    def current_invocation(self) -> str | None:
        """The invocation that a log record of this thread and task belongs to, found as the worker finds it."""


class IndexingError(Exception):
    """The app as a whole cannot be loaded: the real host runs on with 0 functions.

    The message is the worker's; `detail` is the traceback without the loader's own frames.
    """

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail

    @staticmethod
    def of(error: Exception, loaders: Iterable[Path], advice: str = "") -> "IndexingError":
        """The report of an error; files in the folders of `loaders` are not the app's."""
        own = {Path(__file__).parent, *loaders}
        summary = traceback.TracebackException.from_exception(error)
        summary.stack = traceback.StackSummary.from_list(
            frame
            for frame in summary.stack
            if own.isdisjoint(Path(frame.filename).parents) and not frame.filename.startswith("<frozen importlib")
        )
        return IndexingError(message_of(error) + advice, "".join(summary.format()))
