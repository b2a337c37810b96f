"""python -m operate: the operators' one command line."""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from composition.tools import COMMANDS
from engine.settings import SettingsError
from operate import new
from operate.arguments import Commands, positive
from operate.environment import environment
from operate.failure import CommandFailed

_Command = Callable[[argparse.Namespace], Awaitable[None]]
_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it is done, 1 with one line on stderr when it failed, 2 for bad arguments."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as missing:
        if (_ROOT / str(missing.name).split(".")[0]).exists():
            raise
        python = ".venv/bin/python -m operate"
        print(f"operate: this Python has no {missing.name}; run {python}, which `make setup` prepares", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m operate", description="Operate the service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new.add(commands, _ROOT)
    _add_provision(commands)
    _add_topology(commands)
    _add_parked(commands)
    _add_dead_letters(commands)
    # A new service is made by any Python: before there is an environment, and without what the others import.
    for name in () if arguments[:1] == ["new"] else COMMANDS:
        importlib.import_module(name).add(commands, environment(_ROOT))
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


def _add_provision(commands: Commands) -> None:
    command = commands.add_parser(
        "provision",
        help="create the database and its containers",
        description="Creates the database and its containers where they are missing, and updates indexing and time to "
        "live where they differ. Safe to run again. Reads COSMOS and COSMOS_DATABASE from the environment, else from "
        "local.settings.json. In Azure it needs a key, or containers made by infrastructure code: an identity of the "
        "data plane cannot create containers.",
    )
    command.add_argument("--json", action="store_true", help="one JSON object per container instead of text")
    command.set_defaults(run=_run_provision)


async def _run_provision(chosen: argparse.Namespace) -> None:
    from operate import provision

    await provision.run(environment(_ROOT), as_json=chosen.json)


def _add_topology(commands: Commands) -> None:
    command = commands.add_parser(
        "topology",
        help="print the queues, topics and subscriptions of the bus",
        description="Prints the entities that the service needs, as engine/messaging/topology.py defines them, in the "
        "config.json format of the official Service Bus emulator. The local broker is given the same.",
    )
    command.set_defaults(run=_run_topology)


async def _run_topology(_: argparse.Namespace) -> None:
    from operate import topology

    await topology.run()


def _add_parked(commands: Commands) -> None:
    settings = environment(_ROOT)
    command = commands.add_parser(
        "parked",
        help="list, show and release what consumers of the bus have put aside",
        description="A message that cannot be handled is put aside with its reason. If it belongs to a stream, the "
        "later messages of that stream wait behind it, in order; releasing handles them all. Mend the cause first.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="what is parked, a line each")
    listing.add_argument("consumer", nargs="?", help="commands, reactions or notifications (default: all)")
    listing.set_defaults(run=partial(_run_parked, settings, "list"))

    showing = actions.add_parser("show", help="why one is parked, and the messages that wait")
    showing.add_argument("consumer")
    showing.add_argument("name", help="a session, or the key of a message that is parked alone")
    showing.set_defaults(run=partial(_run_parked, settings, "show"))

    releasing = actions.add_parser("release", help="handle what waits; safe to interrupt and to run again")
    releasing.add_argument("consumer")
    chosen = releasing.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--all", action="store_true", help="everything that the consumer has parked")
    chosen.add_argument("--name", action="append", default=[], help="a session or key; may be given several times")
    releasing.set_defaults(run=partial(_run_parked, settings, "release"))

    for action in (listing, showing, releasing):
        action.add_argument("--json", action="store_true", help="one JSON object per line instead of text")


async def _run_parked(settings: Mapping[str, str], action: str, chosen: argparse.Namespace) -> None:
    # Only commands that connect to the store pay for the SDK.
    from operate import parked

    match action:
        case "list":
            await parked.list_all(settings, chosen.consumer, as_json=chosen.json)
        case "show":
            await parked.show(settings, chosen.consumer, chosen.name, as_json=chosen.json)
        case _:
            await parked.release(settings, chosen.consumer, chosen.name, everything=chosen.all, as_json=chosen.json)


def _add_dead_letters(commands: Commands) -> None:
    settings = environment(_ROOT)
    command = commands.add_parser(
        "dead-letters",
        help="list, show and redrive what the bus gave up",
        description="The bus gives a message up after ten deliveries that ended in a crash or a lost lock. Redriving "
        "sends it again, in the order of its numbers, once the cause is mended; of the subscription "
        "events/notifications, it is handled here instead. What the consumer has parked is released first.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="dead letters, a line each")
    listing.add_argument("entity", nargs="?", help="commands, reactions, notifications or events/notifications")

    showing = actions.add_parser("show", help="one dead letter with its body")
    showing.add_argument("entity")
    showing.add_argument("number", type=positive, help="its number in the list")

    driving = actions.add_parser("redrive", help="send them again; safe to interrupt and to run again")
    driving.add_argument("entity")

    for name, action in (("list", listing), ("show", showing), ("redrive", driving)):
        action.add_argument("--json", action="store_true", help="one JSON object per line instead of text")
        action.set_defaults(run=partial(_run_dead_letters, settings, name))


async def _run_dead_letters(settings: Mapping[str, str], action: str, chosen: argparse.Namespace) -> None:
    from operate import dead_letters

    match action:
        case "list":
            await dead_letters.list_all(settings, chosen.entity, as_json=chosen.json)
        case "show":
            await dead_letters.show(settings, chosen.entity, chosen.number, as_json=chosen.json)
        case _:
            await dead_letters.redrive(settings, chosen.entity, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
