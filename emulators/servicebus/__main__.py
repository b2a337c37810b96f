"""`python -m emulators servicebus`: the broker as a process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from emulators.data_folder import DataFolderError
from emulators.lifetime import stop_when_told
from emulators.loopback import PortTakenError
from emulators.servicebus.config import ConfigError, NamespaceSettings, read_config
from emulators.servicebus.server import ServiceBusServer, connection_string

_FAILED: Final = 1
_CONFIG_UNUSABLE: Final = 2
_PORT_TAKEN: Final = 3
_DATA_UNUSABLE: Final = 4


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators servicebus",
        description="A local Azure Service Bus namespace over AMQP 1.0, on loopback only, without TLS.",
        epilog=f"Connect with {connection_string(5672)} "
        "SIGTERM and Ctrl-C end it; killing it loses no accepted message. Locks end with it.",
    )
    parser.add_argument("--port", type=int, default=5672, help="port to listen on; 0 takes a free one (default: 5672)")
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        metavar="FILE",
        help="queues, topics and subscriptions in the config.json format of the official emulator",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="folder that keeps the messages between starts")
    where.add_argument("--ephemeral", action="store_true", help="keep the messages in memory, until the process ends")
    parser.add_argument("--hurry", type=float, default=1.0, metavar="K", help="divide lock durations by K, for tests")
    parser.add_argument(
        "--no-duplicate-detection", action="store_true", help="take every message, whatever the entities say"
    )
    parser.add_argument(
        "--control-port",
        type=int,
        metavar="N",
        help="serve HTTP for tests there: faults, the clock, counts (default: none; 0 takes a free one)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the faults that strike by chance")
    parsed = parser.parse_args(arguments)
    if parsed.hurry < 1:
        parser.error("--hurry: at least 1")
    return parsed


async def serve(options: argparse.Namespace, settings: NamespaceSettings) -> int:
    stop = asyncio.Event()
    async with ServiceBusServer.start(
        settings,
        port=options.port,
        data=options.data,
        hurry=options.hurry,
        seed=options.seed,
        duplicate_detection=not options.no_duplicate_detection,
        control_port=options.control_port,
    ) as server:
        stop_when_told(stop)
        if options.hurry != 1:
            print(f"devstack: in a hurry: lock durations are divided by {options.hurry:g}", file=sys.stderr, flush=True)
        if options.no_duplicate_detection:
            print("devstack: duplicate detection is off", file=sys.stderr, flush=True)
        if options.control_port is not None:
            print(f"devstack: control port of servicebus at {server.control_url}", file=sys.stderr, flush=True)
        print(f"devstack: servicebus ready at {server.url}", flush=True)
        server.failed.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if server.failed.done():
            print(f"devstack: the messages cannot be stored: {server.failed.result()}", file=sys.stderr)
            return _FAILED
    return 0


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        return asyncio.run(serve(options, read_config(options.config)))
    except ConfigError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return _CONFIG_UNUSABLE
    except PortTakenError as error:
        print(f"devstack: {error}; stop it or give another port with --port", file=sys.stderr)
        return _PORT_TAKEN
    except DataFolderError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return _DATA_UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
