"""Run a Python function app on this machine, without func, Docker or Azure.

Loads the app as the Azure Functions Python worker does and drives its triggers as the host does: HTTP routes,
the Cosmos DB trigger with its leases, timers. Settings come from the app's local.settings.json; variables of the
environment win.
"""

import argparse
import asyncio
import os
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from emulators.functions.console import Console
from emulators.functions.data_folder import DataFolderError, open_data_folder
from emulators.functions.engines import NAMES, OFFICIAL, OWN, EngineMissingError, choose
from emulators.functions.front import Front, client_session
from emulators.functions.host_json import HostJsonError, read_host_json
from emulators.functions.keys import ensure_keys
from emulators.functions.reload import modification_times, watch
from emulators.functions.serving import serve
from emulators.functions.settings import SettingsError, apply_to_environment, read_local_settings
from emulators.functions.supervisor import HostFailedError, HostOptions, HostProcess
from emulators.lifetime import stop_when_told
from emulators.loopback import PortTakenError, listen

_EXIT_USAGE = 2
_EXIT_PORT_TAKEN = 3
_EXIT_DATA_FORMAT = 4


def _parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators functions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Port P hands requests to the hosts in turn; the hosts themselves listen on P+1 to P+N, and every "
        "answer says\nin x-devstack-host which one gave it. GET /admin/host/status lists them.",
    )
    parser.add_argument("--port", type=int, default=7071, metavar="P", help="7071; 0 takes free ports")
    parser.add_argument("--app", type=Path, default=Path(), metavar="DIR", help="folder of function_app.py; here")
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="DIR", help="keeps timers' status and keys")
    data.add_argument("--ephemeral", action="store_true", help="keeps nothing")
    parser.add_argument("--instances", type=int, default=1, metavar="N", help="hosts over the same app and data; 1")
    parser.add_argument(
        "--hurry",
        type=float,
        default=1.0,
        metavar="K",
        help="divide lease times, poll delays and retry intervals by K, for tests; 1",
    )
    parser.add_argument("--reload", action="store_true", help="restart the hosts when a file of the app changes")
    parser.add_argument("--enable-auth", action="store_true", help="ask for function keys, as Azure does")
    parser.add_argument(
        "--engine",
        choices=NAMES,
        help=f"what runs the app: {OFFICIAL}, Microsoft's worker runtime from Python 3.13 on, or this package's {OWN}; "
        f"{OFFICIAL} where it is installed",
    )
    parsed = parser.parse_args(arguments)
    if not parsed.app.is_dir():
        parser.error(f"--app: {parsed.app} is not a folder")
    if parsed.instances < 1:
        parser.error("--instances: at least 1")
    if not 0 <= parsed.port <= 65535 - parsed.instances:
        parser.error("--port: must leave room for the hosts' own ports")
    if parsed.hurry < 1:
        parser.error("--hurry: at least 1")
    return parsed


def _say(message: str) -> None:
    print(f"devstack: {message}", file=sys.stderr, flush=True)


async def _main(arguments: argparse.Namespace) -> int:
    app_dir = arguments.app.resolve()
    try:
        engine = choose(arguments.engine)
        environment = dict(os.environ)
        apply_to_environment(read_local_settings(app_dir).values, environment)
        read_host_json(app_dir, environment)
    except (EngineMissingError, SettingsError, HostJsonError) as error:
        _say(str(error))
        return _EXIT_USAGE
    async with AsyncExitStack() as stack:
        if arguments.ephemeral:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="devstack-functions-")))
        else:
            data_dir = arguments.data.resolve()
        try:
            open_data_folder(data_dir)
            keys_file = ensure_keys(data_dir) if arguments.enable_auth else None
            sockets = listen(arguments.port)
            for port in range(arguments.port + 1, arguments.port + 1 + arguments.instances) if arguments.port else ():
                for probe in listen(port):
                    probe.close()
        except DataFolderError as error:
            _say(str(error))
            return _EXIT_DATA_FORMAT
        except PortTakenError as error:
            _say(f"{error}; stop that process or give another port with --port")
            return _EXIT_PORT_TAKEN
        console = Console()
        if keys_file is not None:
            console.line(f"Keys are asked for; they stand in {keys_file}")
        if arguments.hurry != 1:
            console.line(f"In a hurry: lease times, poll delays and retry intervals are divided by {arguments.hurry:g}")
        if engine == OFFICIAL:
            console.line("The app runs in Microsoft's worker runtime (azure-functions-runtime); --engine own is ours")
        options = HostOptions(app_dir, data_dir, arguments.instances, arguments.hurry, arguments.enable_auth, engine)
        try:
            await _supervise(options, arguments.port, sockets, console, reload=arguments.reload)
        except HostFailedError as error:
            _say(str(error))
            return error.status
    return 0


async def _supervise(
    options: HostOptions, port: int, sockets: list[socket.socket], console: Console, *, reload: bool
) -> None:
    """Serve until told to stop. Raises HostFailedError if a host cannot start."""
    stop = asyncio.Event()
    stop_when_told(stop)
    before = modification_times(options.app) if reload else {}
    hosts = [
        HostProcess(number, port + number if port else 0, options, console)
        for number in range(1, options.instances + 1)
    ]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(client_session())
        running = [asyncio.create_task(host.keep_running()) for host in hosts]
        stack.push_async_callback(_end, hosts, running)
        stopping = asyncio.create_task(_wait_for(stop))
        ready = asyncio.create_task(_wait_for(*(host.started for host in hosts)))
        for task in (stopping, ready):
            stack.callback(task.cancel)
        await asyncio.wait([ready, stopping, *running], return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            runner = await serve(Front(hosts, session).handle, sockets)
            line = f"devstack: functions ready at http://localhost:{sockets[0].getsockname()[1]}"
            # One write, or a line of a host runs into the address: unbuffered, `print` writes the line break by itself.
            print(f"{line}\n", end="", flush=True)
            if reload:
                watching = asyncio.create_task(watch(options.app, before, lambda name: _restart(hosts, console, name)))
                stack.callback(watching.cancel)
            await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
            for site in list(runner.sites):
                await site.stop()
            # The hosts answer what they have accepted before they end.
            await asyncio.gather(*(host.stop() for host in hosts))
            await runner.cleanup()
        for task in running:
            if task.done():
                task.result()


async def _wait_for(*events: asyncio.Event) -> None:
    for event in events:
        await event.wait()


def _restart(hosts: list[HostProcess], console: Console, changed: str) -> None:
    console.line(f"{changed} changed: the hosts load the app anew")
    for host in hosts:
        host.restart()


async def _end(hosts: list[HostProcess], running: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*(host.stop() for host in hosts))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def main(arguments: list[str] | None = None) -> int:
    return asyncio.run(_main(_parse(arguments)))


if __name__ == "__main__":
    sys.exit(main())
