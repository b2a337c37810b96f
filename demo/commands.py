"""`python -m operate demo`: what it takes, and what it runs."""

import argparse
from collections.abc import Mapping
from functools import partial

from demo import story
from operate.arguments import Commands, positive


def add(commands: Commands, settings: Mapping[str, str]) -> None:
    """Adds the command to those of `operate`."""
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
    sale.add_argument("--units", type=positive, default=100, help="units of the sku (default: %(default)s)")
    sale.add_argument("--orders", type=positive, default=1000, help="orders of one unit (default: %(default)s)")
    sale.add_argument("--clients", type=positive, default=32, help="clients at a time (default: %(default)s)")
    sale.add_argument("--runs", type=positive, default=1, help="how often, each with a new sku (default: %(default)s)")
    sale.add_argument("--json", action="store_true", help="one JSON object per run instead of text")
    sale.set_defaults(run=partial(_run_flash_sale, settings))


async def _run_flash_sale(settings: Mapping[str, str], chosen: argparse.Namespace) -> None:
    # Only this command connects to the store, and pays for the SDK.
    from demo import flash_sale

    sale = flash_sale.Sale(chosen.units, chosen.orders, chosen.clients, chosen.runs)
    await flash_sale.run(chosen.url, settings, sale, as_json=chosen.json)


def _add_url(command: argparse.ArgumentParser, settings: Mapping[str, str]) -> None:
    port = settings.get("DEVSTACK_FUNCTIONS_PORT", "7071")
    command.add_argument(
        "--url", default=f"http://localhost:{port}/api", help="where the functions are (default: %(default)s)"
    )
