"""`python -m operate demo` takes these arguments, and runs what they ask for."""

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from operate.environment import Environment
from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import POSITIVE, json_option, yes_option
from operate.session import Session
from operate.target import Place, places

# Each demonstration is imported when it runs: none pays for what another needs.

F = TypeVar("F", bound=Callable[..., Any])

_DEMO = """\
Walk orders through the service, hold a sale, or practise.

For when you want to see the service at work. Without the name of a demonstration: receives stock, places an order, pays
and ships it, places one that cannot be fulfilled, and shows each event with the function that made it, and the views.
"""

_FLASH_SALE = """\
Sell few units to many, all at once.

For when you want to see what it does under load. Places orders of one unit each of a sku that has fewer units, pays
where a payment is asked for, waits until every order is decided, then reads every stream from the store and checks that
as many were confirmed as there were units, that the rest was cancelled as out of stock, that nothing was oversold and
that no process is unfinished. Prints a summary per run; progress goes to stderr.
"""

_PARKED = """\
Practise what an operator does about parked messages.

For when nothing is wrong, and you want to know what to do when something is. Sends the running service a message that
its consumer cannot read, and lets a session be parked as if its handler had had a defect; waits until both are parked,
and says which commands to try, and what they will answer. On this machine alone, unless --elsewhere. With --remove,
takes away what is left of it.
"""

_DRILL = """\
Practise a disaster: the store goes back to an earlier moment.

For when nothing is wrong, and you want to know what a restore takes. Runs a stack of its own, which is gone at the end:
orders flow, the store is restored under running hosts, and the service comes back by verify, the next generation of
every read model, rebuild, flip and drop. Says what is answered, what is found and what is lost. It takes four minutes.
"""


def _url_option(function: F) -> F:
    where = "Where the functions are (default: those of the stack that runs here)."
    return click.option("--url", callback=_checked_url, help=where)(function)


def _checked_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url.rstrip("/")
    except ValueError:
        pass
    raise click.BadParameter(f"{url!r} is no URL such as http://localhost:7071/api")


@click.group(
    name="demo",
    cls=Group,
    help=_DEMO,
    invoke_without_command=True,
    own=(Example("demo", "two orders, step by step"),),
)
@_url_option
@yes_option
@click.pass_context
def demo(context: click.Context, url: str | None, yes: bool) -> None:
    if context.invoked_subcommand is not None:
        return
    from demo import story

    session = context.ensure_object(Session)
    service = _at(url) if url else _of(session.environment(with_functions=True))
    session.aim([service], yes=yes)
    session.run(story.run(service.address))


@demo.command(
    name="flash-sale",
    help=_FLASH_SALE,
    examples=(
        Example("demo flash-sale", "a thousand orders of a hundred units"),
        Example("demo flash-sale --units 10 --orders 100 --clients 8", "a small one"),
        Example("demo flash-sale --runs 3 --json", "three, with a summary per line"),
    ),
    ends=[ExitStatus.FINDINGS],
    costs="some 110 request units for each order.",
)
@_url_option
@click.option("--units", type=POSITIVE, default=100, show_default=True, help="Units of the sku.")
@click.option("--orders", type=POSITIVE, default=1000, show_default=True, help="Orders of one unit.")
@click.option("--clients", type=POSITIVE, default=32, show_default=True, help="Clients at a time.")
@click.option("--runs", type=POSITIVE, default=1, show_default=True, help="How often, each with a new sku.")
@yes_option
@json_option
@click.pass_context
def flash_sale(
    context: click.Context, url: str | None, units: int, orders: int, clients: int, runs: int, yes: bool, as_json: bool
) -> None:
    from demo import flash_sale as sales

    session = context.ensure_object(Session)
    url = url or _url_of_the_group(context)
    known = session.environment(with_functions=not url)
    service = _at(url) if url else _of(known)
    session.aim([service, *places(known, ["COSMOS"])], yes=yes or _yes_of_the_group(context))
    sale = sales.Sale(units, orders, clients, runs)
    session.run(sales.run(service.address, known.settings, sale, as_json=as_json))


@demo.command(
    name="parked",
    help=_PARKED,
    examples=(
        Example("demo parked", "something to practise on"),
        Example("demo parked --remove", "once you are done"),
    ),
)
@click.option("--remove", is_flag=True, help="Take away what earlier ones have left parked.")
@click.option("--elsewhere", is_flag=True, help="Also where it is not on this machine: an environment for tests.")
@yes_option
@click.pass_obj
def parked(session: Session, remove: bool, elsewhere: bool, yes: bool) -> None:
    from demo import practice

    known = session.environment()
    at = places(known, ["COSMOS", "SERVICEBUS"])
    if not elsewhere:
        practice.require_here(at)
    session.aim(at, yes=yes)
    session.run(practice.remove(known.settings) if remove else practice.run(known.settings))


@demo.command(
    name="drill",
    help=_DRILL,
    examples=(
        Example("demo drill", "a restore under running hosts, and the way back"),
        Example("demo drill | tee drill.txt", "the same, and what it said is kept"),
    ),
    costs="nothing outside: the stack is its own.",
)
@click.pass_obj
def drill(session: Session) -> None:
    from demo.drill import steps

    session.run(steps.run(session.root))


def _at(url: str) -> Place:
    return Place(f"the service at {url}", url, "--url")


def _of(known: Environment) -> Place:
    return Place(f"the service at {known.api}", known.api, known.source_of_api)


def _url_of_the_group(context: click.Context) -> str | None:
    url: str | None = context.parent.params.get("url") if context.parent else None
    return url


def _yes_of_the_group(context: click.Context) -> bool:
    return bool(context.parent and context.parent.params.get("yes"))


COMMAND: Final = demo
