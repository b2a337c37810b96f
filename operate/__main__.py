"""python -m operate: provisioning, and a demonstration against the running service."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from composition.settings import SettingsError
from operate import provision
from operate.demo import story
from operate.environment import environment
from operate.failure import CommandFailed

_Command = Callable[[argparse.Namespace], Awaitable[None]]
_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it is done, 1 with one line on stderr when it failed, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m operate", description="Operate the order service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_provision(commands)
    _add_parked(commands)
    _add_dead_letters(commands)
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


def _add_parked(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


def _add_dead_letters(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    showing.add_argument("number", type=_positive, help="its number in the list")

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


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    settings = environment(_ROOT)
    command = commands.add_parser(
        "demo",
        help="walk orders through the running service, or hold a flash sale",
        description="Without a name of a demonstration: receives stock, places an order, pays and ships it, places one "
        "that cannot be fulfilled, and shows each event with the function that made it, and the views.",
    )
    _add_url(command, settings)
    command.set_defaults(run=lambda chosen: story.run(chosen.url))
    named = command.add_subparsers(metavar="flash-sale")
    sale = named.add_parser(
        "flash-sale",
        help="more orders than units, all at once",
        description="Places orders of one unit each of a sku that has fewer units, pays where a payment is asked for, "
        "waits until every order is decided, then reads every stream from the store that the settings name and checks "
        "that as many were confirmed as there were units, that the rest was cancelled as out of stock, that nothing "
        "was oversold and that no process is unfinished. Prints a summary per run; progress goes to stderr.",
    )
    _add_url(sale, settings)
    sale.add_argument("--units", type=_positive, default=100, help="units of the sku (default: %(default)s)")
    sale.add_argument("--orders", type=_positive, default=1000, help="orders of one unit (default: %(default)s)")
    sale.add_argument("--clients", type=_positive, default=32, help="clients at a time (default: %(default)s)")
    sale.add_argument("--runs", type=_positive, default=1, help="how often, each with a new sku (default: %(default)s)")
    sale.add_argument("--json", action="store_true", help="one JSON object per run instead of text")
    sale.set_defaults(run=partial(_run_flash_sale, settings))


async def _run_flash_sale(settings: Mapping[str, str], chosen: argparse.Namespace) -> None:
    # Only this command connects to the store, and pays for the SDK.
    from operate.demo import flash_sale

    sale = flash_sale.Sale(chosen.units, chosen.orders, chosen.clients, chosen.runs)
    await flash_sale.run(chosen.url, settings, sale, as_json=chosen.json)


def _add_url(command: argparse.ArgumentParser, settings: Mapping[str, str]) -> None:
    port = settings.get("DEVSTACK_FUNCTIONS_PORT", "7071")
    command.add_argument(
        "--url", default=f"http://localhost:{port}/api", help="where the functions are (default: %(default)s)"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
