"""The command line: what can be asked for, and its help."""

import argparse

_ABOUT = """\
The local cloud of this project: Cosmos DB, Service Bus, the Azure Functions host and a receiver of
traces, on this machine, over their real protocols.
"""

_NOTES = """\
environment variables:
  DEVSTACK_FUNCTIONS_PORT   port of the functions, 7071 unless given (0: a free one)
  DEVSTACK_COSMOS_PORT      port of Cosmos DB, 8081 unless given (0: a free one)
  DEVSTACK_SERVICEBUS_PORT  port of Service Bus, 5672 unless given (0: a free one)
  DEVSTACK_TRACES_PORT      port of the receiver of traces, a free one unless given
  DEVSTACK_DATA             folder of the data, .devstack unless given
  COSMOS                    connection string of another Cosmos DB; wins over the local one
  SERVICEBUS                connection string of another Service Bus; wins over the local one
  OTEL_EXPORTER_OTLP_ENDPOINT  where traces go; wins over the local receiver, and empty turns them off

exit status: 0 done or stopped as asked, 1 failed, 2 wrong arguments, 3 a port is taken,
4 the data folder is of another format or not the stack's; of a service that ends on its own: that service's.
"""

_UP = """\
Start everything in the foreground: makes .venv and local.settings.json where they are missing, starts a receiver of
traces, Cosmos DB and Service Bus, provisions the containers, starts the functions, and says where they are. Ctrl-C
stops all; asked twice, at once. The data stays in the data folder.
"""

_STATUS = """\
Say what runs over the data folder. Exit status 0 if the stack is ready, 1 if it is not or none runs. With --json also
the settings that lead to it, by which a tool works on what the functions of the stack work on.
"""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m devstack",
        description=_ABOUT,
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = result.add_subparsers(dest="command", metavar="command", required=True)

    up = commands.add_parser("up", help="start everything; Ctrl-C stops it", description=_UP)
    up.add_argument("--instances", type=_count, default=1, metavar="N", help="Functions hosts over the same data (1)")
    up.add_argument("--hurry", type=_factor, metavar="K", help="divide lease, lock and poll times by K, for tests")
    up.add_argument("--lag", type=_whole, metavar="N", help="reads without a session token may lag by up to N commits")
    up.add_argument(
        "--engine",
        choices=("own", "official"),
        help="what runs the functions: the emulators' own code, or Microsoft's worker runtime, which takes Python 3.13 "
        "or newer (official where it is installed)",
    )
    up.add_argument("--reload", action="store_true", help="restart the functions when a file of the app changes")

    commands.add_parser(
        "down", help="stop the stack that runs", description="Stop the stack that runs and wait for it."
    )

    status = commands.add_parser("status", help="say what runs, and where", description=_STATUS)
    status.add_argument("--json", action="store_true", help="as one JSON object, for scripts")

    commands.add_parser(
        "reset",
        help="remove the data",
        description="Remove the data folder, after saying what goes; asks on a terminal. Refuses while a stack runs.",
    )
    setup = commands.add_parser(
        "setup",
        help="only make .venv and local.settings.json",
        description="Make .venv with what requirements-dev.txt lists, and local.settings.json from its example.",
    )
    for command in (up, setup):
        command.add_argument(
            "--this-python",
            action="store_true",
            help="replace a .venv of another Python; without it, one of any Python that runs the stack is kept",
        )
    # Listed here for the help alone: these take arguments of their own.
    commands.add_parser("cosmos", help="Cosmos DB alone; see its own --help", add_help=False)
    commands.add_parser("servicebus", help="Service Bus alone; see its own --help", add_help=False)
    commands.add_parser("functions", help="the Functions host alone, for any app; see its own --help", add_help=False)
    commands.add_parser("traces", help="the receiver of traces alone; see its own --help", add_help=False)
    return result


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _whole(text: str) -> str:
    if int(text) < 0:
        raise ValueError(text)
    return text


def _factor(text: str) -> str:
    if not 0 < float(text) < float("inf"):
        raise ValueError(text)
    return text


_count.__name__ = "count"
_whole.__name__ = "whole number"
_factor.__name__ = "factor"
