"""One host process: it loads the app, opens its listeners and runs its functions until it is told to stop.

Started by the supervisor (`emulators.functions.supervisor`), never by hand. It ends when its stdin reaches EOF, so
that it cannot outlive its supervisor.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import emulators
from emulators.functions.admin import Admin
from emulators.functions.console import Console
from emulators.functions.cors import Cors
from emulators.functions.cosmos_bindings import CosmosBindings
from emulators.functions.cosmos_wire import open_session
from emulators.functions.data_bindings import HostBindings
from emulators.functions.endpoint import Endpoint
from emulators.functions.engine import THREAD_COUNT, Engine, IndexingError
from emulators.functions.engines import NAMES, open_engine
from emulators.functions.host_json import HostConfig, HostJsonError, read_host_json
from emulators.functions.http_routes import checked_routes
from emulators.functions.indexing import Function, load_app, use_app_directory
from emulators.functions.invocation import Invoker
from emulators.functions.keys import read_keys
from emulators.functions.listeners import Listeners, warm_up
from emulators.functions.routing import RouteError
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.outputs import ServiceBusOutputs
from emulators.functions.serving import serve
from emulators.functions.settings import SettingsError, apply_to_environment, read_local_settings
from emulators.functions.user_logs import UserLogs
from emulators.functions.worker import Worker, end_process
from emulators.lifetime import stop_at_end_of_stdin
from emulators.loopback import PortTakenError, listen

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PORT_TAKEN = 3
EXIT_REPLACE = 75
# The app is such that the real host fails at its start.
EXIT_REFUSED = 76
_DRAIN_S = 8.0


async def main(arguments: argparse.Namespace) -> int:
    """Run one host; returns its exit status."""
    console = Console(arguments.number if arguments.instances > 1 else None)
    stop = asyncio.Event()
    _stop_when_told(stop)
    app_dir: Path = arguments.app
    try:
        settings = read_local_settings(app_dir)
        apply_to_environment(settings.values, os.environ)
        config = read_host_json(app_dir, os.environ)
    except (SettingsError, HostJsonError) as error:
        console.line(f"devstack: {error}")
        return EXIT_USAGE
    if arguments.number == 1:
        for warning in (*settings.warnings, *config.warnings):
            console.line(f"devstack: {warning}")
    use_app_directory(app_dir, launched_from=Path(emulators.__file__).parents[1])
    try:
        sockets = listen(arguments.port)
    except PortTakenError as error:
        console.line(f"devstack: {error}")
        return EXIT_PORT_TAKEN
    async with open_session() as session:
        worker = Worker(lambda status: _end_with_app(console, status))
        buses = ServiceBusClients(config.service_bus.retry.try_timeout)
        outputs = ServiceBusOutputs(buses, os.environ, config.service_bus.hurried(arguments.hurry).retry)
        data = HostBindings(CosmosBindings(session, os.environ), outputs)
        invoker = Invoker(worker, console, data, config.function_timeout)
        # The host starts the worker with so many, unless the app says otherwise.
        os.environ.setdefault(THREAD_COUNT, "1000")
        engine = open_engine(arguments.engine)
        _show_user_logs(console, engine, invoker, config.log_levels)
        try:
            functions, errors = await _load(engine, worker, console, config)
        except RouteError as error:
            console.line(f"A host error has occurred during startup: {error}")
            return EXIT_REFUSED
        keys = read_keys(arguments.data) if arguments.enable_auth else None
        admin = Admin(functions, invoker, console, keys=keys, errors=errors, route_prefix=config.route_prefix)
        cors = Cors(settings.cors_origins, settings.cors_credentials)
        number = arguments.number
        endpoint = Endpoint(functions, invoker, admin, console, config=config, cors=cors, keys=keys, host=number)
        runner = await serve(endpoint.handle, sockets)
        listeners = Listeners(
            functions,
            invoker,
            console,
            session,
            service_bus=config.service_bus,
            buses=buses,
            data_dir=arguments.data,
            hurry=arguments.hurry,
        )
        if number > 1:
            await warm_up(functions, invoker, console)
        await listeners.start()
        _tell_supervisor(arguments.report_fd, {"port": sockets[0].getsockname()[1], "functions": len(functions)})
        status = await _until_stopped(stop, invoker, console)
        # As in the real host: running invocations complete and their batches are recorded, then the process ends.
        for site in list(runner.sites):
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await asyncio.gather(listeners.stop(), invoker.idle.wait())
        # Last: what is still running may send.
        await buses.close()
        await runner.cleanup()
    return status


async def _load(
    engine: Engine, worker: Worker, console: Console, config: HostConfig
) -> tuple[list[Function], list[str]]:
    """The functions, and what is wrong with some. Raises RouteError for what stops the real host at its start."""
    try:
        functions = await worker.on_loop(lambda: load_app(engine, os.environ))
    except IndexingError as error:
        console.line(f"0 functions found: {error}", error.detail)
        return [], [str(error)]
    if only := config.only_functions:
        functions = [function for function in functions if function.name in only]
    if config.retry is not None:
        functions = [replace(each, retry=each.retry or config.retry) for each in functions]
    functions = checked_routes(functions, config.route_prefix)
    if not functions:
        console.line("0 functions found: the app defines none")
    errors = [f"The '{each.name}' function is in error: {each.problem}" for each in functions if each.problem]
    for error_line in errors:
        console.line(error_line)
    for function in functions:
        for warning in function.warnings:
            console.line(f"devstack: the '{function.name}' function: {warning}")
    return functions, errors


async def _until_stopped(stop: asyncio.Event, invoker: Invoker, console: Console) -> int:
    """Wait for the end; the exit status that says why.

    A host whose listener has ended by an error of this program would say that it runs and serve only the others: the
    supervisor starts a new one instead.
    """
    waits = [asyncio.create_task(event.wait()) for event in (stop, invoker.timed_out, console.crashed)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if stop.is_set():
        return 0
    return EXIT_FAILED if console.crashed.is_set() else EXIT_REPLACE


def _stop_when_told(stop: asyncio.Event) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # Ctrl-C reaches the whole group of processes; the supervisor decides when hosts end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop_at_end_of_stdin(stop)


def _show_user_logs(console: Console, engine: Engine, invoker: Invoker, levels: Mapping[str, str]) -> None:
    root = logging.getLogger()
    debug = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING") == "1"
    logs = UserLogs(console, engine, invoker.running, levels, debug=debug)
    root.setLevel(logs.level)
    root.addHandler(logs)
    # This host's own server must not fail in silence, and is no part of the app's logs.
    server_log = logging.getLogger("aiohttp.server")
    server_log.propagate = False
    server_log.addHandler(logging.StreamHandler(sys.stderr))


def _end_with_app(console: Console, status: int) -> None:
    console.line(f"A handler ended the process with status {status}; as in Azure, its other invocations are lost")
    end_process(status)


def _tell_supervisor(descriptor: int, message: Mapping[str, Any]) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(message) + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulators.functions.host", description=__doc__)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--instances", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--hurry", type=float, required=True)
    parser.add_argument("--enable-auth", action="store_true")
    parser.add_argument("--engine", choices=NAMES, required=True)
    parser.add_argument("--report-fd", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    status = asyncio.run(main(parse_arguments()))
    sys.stdout.flush()
    sys.stderr.flush()
    # The app's own threads and loop end with the process: nobody tells a real worker that it stops, either.
    end_process(status)
