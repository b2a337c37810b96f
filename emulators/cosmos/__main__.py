"""`python -m emulators cosmos`: the server as a process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from emulators.cosmos.account import KEY
from emulators.cosmos.server import CosmosServer
from emulators.data_folder import DataFolderError
from emulators.lifetime import stop_when_told
from emulators.loopback import PortTakenError

_PORT_TAKEN: Final = 3
_DATA_UNUSABLE: Final = 4


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators cosmos",
        description="A local Azure Cosmos DB account (NoSQL API, gateway protocol) over plain HTTP, on loopback only.",
        epilog=f"Connect with AccountEndpoint=http://localhost:PORT/;AccountKey={KEY}; "
        "SIGTERM and Ctrl-C end it; killing it loses no acknowledged write.",
    )
    parser.add_argument("--port", type=int, default=8081, help="port to listen on; 0 takes a free one (default: 8081)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="folder that keeps the data between starts")
    where.add_argument("--ephemeral", action="store_true", help="keep the data in memory, until the process ends")
    parser.add_argument(
        "--throughput",
        type=float,
        metavar="RU",
        help="request units that a container may spend per second before it answers 429 (default: no limit)",
    )
    parser.add_argument("--hurry", type=float, default=1.0, metavar="K", help="divide the second of --throughput by K")
    parser.add_argument(
        "--lag",
        type=int,
        default=0,
        metavar="N",
        help="answer reads and queries as a replica that is up to N commits behind, except for sessions that know more",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="seed of everything random: lag, order within a commit, faults"
    )
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    async with CosmosServer.start(
        port=options.port,
        data=options.data,
        hurry=options.hurry,
        lag=options.lag,
        seed=options.seed,
        throughput=options.throughput,
    ) as server:
        stop_when_told(stop)
        print(f"devstack: cosmos ready at {server.url}", flush=True)
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        asyncio.run(serve(options))
    except PortTakenError as error:
        print(f"devstack: {error}; stop it or give another port with --port", file=sys.stderr)
        return _PORT_TAKEN
    except DataFolderError as error:
        print(f"devstack: {error}", file=sys.stderr)
        return _DATA_UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
