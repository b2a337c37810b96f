"""`python -m emulators cosmos|servicebus|functions|traces …`: one of the services, as a process in the foreground."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

SERVICES: Final = {
    "cosmos": "an Azure Cosmos DB account (NoSQL API) over HTTP",
    "servicebus": "an Azure Service Bus namespace over AMQP 1.0",
    "functions": "an Azure Functions host for apps of the Python v2 programming model",
    "traces": "a receiver of OpenTelemetry's traces and metrics, by OTLP over HTTP in JSON",
}

_NOTES: Final = """\
Each listens on loopback alone, prints one line with its address when it is ready, and ends in order on SIGTERM and
Ctrl-C. With DEVSTACK_SUPERVISED=1 in the environment it also ends with its standard input.

  python -m emulators cosmos --ephemeral
  python -m emulators servicebus --ephemeral --config config.json
  python -m emulators functions --ephemeral --app path/to/app
  python -m emulators traces --port 4318
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulators",
        description="Local stand-ins for Azure services, over their real protocols. For development and tests.",
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # Listed here for the help alone: each takes arguments of its own.
    services = parser.add_subparsers(dest="service", metavar="service", required=True)
    for name, about in SERVICES.items():
        services.add_parser(name, help=f"{about}; see its own --help", add_help=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, to its end; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] and given[0] in SERVICES:
        # Only the one that is asked for is loaded.
        status: int = importlib.import_module(f"emulators.{given[0]}.__main__").main(given[1:])
        return status
    _parser().parse_args(given)
    raise AssertionError("argparse has ended the process")


if __name__ == "__main__":
    sys.exit(main())
