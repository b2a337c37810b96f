"""Function apps of tests: defined in a test, indexed as the host indexes them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import StringIO

import azure.functions as func
from azure.functions import FunctionRegister
from azure.functions.meta import Datum

from emulators.functions.admin import Admin
from emulators.functions.bindings import Binding
from emulators.functions.console import Console
from emulators.functions.cors import Cors
from emulators.functions.endpoint import Endpoint
from emulators.functions.engine import Call
from emulators.functions.host_json import HostConfig
from emulators.functions.http_routes import checked_routes
from emulators.functions.indexing import Function, index_app
from emulators.functions.invocation import DataBindings, Invoker
from emulators.functions.keys import Keys
from emulators.functions.serving import serve
from emulators.functions.worker import Worker
from emulators.loopback import listen
from emulators.tests.functions.engines import engine

COSMOS = "AccountEndpoint=http://localhost:8081/;AccountKey=a2V5;"


def indexed(app: FunctionRegister, environment: Mapping[str, str] | None = None) -> dict[str, Function]:
    """The functions of an app by name."""
    return {function.name: function for function in index_app(engine(), app, environment or {"COSMOS": COSMOS})}


def only_function(app: func.FunctionApp, environment: Mapping[str, str] | None = None) -> Function:
    """The function of an app that has one."""
    (function,) = indexed(app, environment).values()
    return function


class NoData:
    """For apps without bindings beside the trigger."""

    async def read(self, binding: Binding, trigger_metadata: Mapping[str, Datum]) -> Datum:
        raise AssertionError(f"{binding.name} was read")

    async def write(self, binding: Binding, value: Datum, call: Call) -> None:
        raise AssertionError(f"{binding.name} was written")


class Screen(Console):
    """A console whose lines a test reads."""

    def __init__(self) -> None:
        self.stream = StringIO()
        super().__init__(stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@asynccontextmanager
async def running_invoker(
    screen: Console | None = None,
    timeout: float | None = None,
    data: DataBindings | None = None,
    exit_process: Callable[[int], None] | None = None,
) -> AsyncIterator[Invoker]:
    """An invoker with a worker of its own."""

    def refuse(status: int) -> None:
        raise AssertionError(f"a handler would have ended the test process with status {status}")

    worker = Worker(exit_process or refuse)
    try:
        yield Invoker(worker, screen or Screen(), data or NoData(), timeout)
    finally:
        await worker.close()


@asynccontextmanager
async def served(
    app: FunctionRegister,
    *,
    config: HostConfig | None = None,
    cors: Cors | None = None,
    keys: Keys | None = None,
    environment: Mapping[str, str] | None = None,
    screen: Console | None = None,
    timeout: float | None = None,
) -> AsyncIterator[str]:
    """The URL at which one host, number 7, serves an app in this process."""
    config = config or HostConfig()
    screen = screen or Screen()
    functions = checked_routes(indexed(app, environment).values(), config.route_prefix)
    async with running_invoker(screen, timeout) as invoker:
        admin = Admin(functions, invoker, screen, keys=keys, errors=[], route_prefix=config.route_prefix)
        cors = cors or Cors((), credentials=False)
        endpoint = Endpoint(functions, invoker, admin, screen, config=config, cors=cors, keys=keys, host=7)
        sockets = listen(0)
        runner = await serve(endpoint.handle, sockets)
        try:
            yield f"http://localhost:{sockets[0].getsockname()[1]}"
        finally:
            await runner.cleanup()


async def eventually(holds: Callable[[], object], what: str, seconds: float = 15) -> None:
    """Wait until a condition holds; fails with its description."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - what other threads and processes do sets no event here
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"in {seconds} s it did not happen that {what}") from None
