"""python -m operate: provisioning, and a demonstration against the running service."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from composition.settings import SettingsError
from operate import demo, provision
from operate.environment import environment
from operate.failure import CommandFailed

_Command = Callable[[argparse.Namespace], Awaitable[None]]
_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it is done, 1 with one line on stderr when it failed, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m operate", description="Operate the order service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_provision(commands)
    _add_demo(commands)
    chosen = parser.parse_args(arguments)
    run: _Command = chosen.run
    try:
        asyncio.run(run(chosen))  # type: ignore[arg-type]  # every command is a coroutine function
    except (CommandFailed, SettingsError) as error:
        print(f"operate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _add_provision(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "provision",
        help="create the database and its containers",
        description="Creates the database and its containers where they are missing, and updates indexing and time to "
        "live where they differ. Safe to run again. Reads COSMOS and COSMOS_DATABASE from the environment, else from "
        "local.settings.json. In Azure it needs a key, or containers made by infrastructure code: an identity of the "
        "data plane cannot create containers.",
    )
    command.add_argument("--json", action="store_true", help="one JSON object per container instead of text")
    command.set_defaults(run=lambda chosen: provision.run(environment(_ROOT), as_json=chosen.json))


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "demo",
        help="walk an order through the running service",
        description="Receives stock, places an order and cancels it, and shows the events and the views of each step.",
    )
    command.add_argument(
        "--url", default=demo.default_url(environment(_ROOT)), help="where the functions are (default: %(default)s)"
    )
    command.set_defaults(run=lambda chosen: demo.run(chosen.url))


if __name__ == "__main__":
    sys.exit(main())
