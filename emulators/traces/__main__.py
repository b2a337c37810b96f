"""`python -m emulators traces`: the receiver as a process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from emulators.lifetime import stop_when_told
from emulators.loopback import PortTakenError
from emulators.traces.server import TracesServer

_PORT_TAKEN: Final = 3


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators traces",
        description="A receiver of OpenTelemetry's traces and metrics, by OTLP over HTTP in JSON, on loopback only. It "
        "keeps the newest in memory: GET /traces lists them, GET /traces/{traceId} shows one, GET /metrics the newest "
        "point of each series.",
        epilog="Export with OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:PORT and an exporter of http/json. "
        "SIGTERM and Ctrl-C end it, and what it has kept.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=4318, help="port to listen on; 0 takes a free one (default: 4318)")
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    async with TracesServer.start(port=options.port) as server:
        stop_when_told(stop)
        print(f"devstack: traces ready at {server.url}", flush=True)
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        asyncio.run(serve(options))
    except PortTakenError as error:
        print(f"devstack: {error}; stop it or give another port with --port", file=sys.stderr)
        return _PORT_TAKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
