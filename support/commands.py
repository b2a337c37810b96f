"""`python -m operate orders` takes these arguments."""

from datetime import datetime
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import json_option, moment_options
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `support.orders` is imported when they run.

_HELP = """\
Answer what is asked about an order.

For when a customer asks, or an alarm names an order. It reads, and changes nothing. ORDER is the id of an order.
"""

_WHY = """\
Say why an order is where it is, in a paragraph.

For when an order does not go on. It says how far the order and its payment are, what its process waits for and since
when, and what is in its way: what of its streams is parked or dead, and a relay that is behind.
"""

_SHOW = """\
Show an order, as it is or was.

For when you are asked what was ordered, and what became of it. It holds the id of the customer, and what was bought.
"""

_EVENTS = """\
Show the events of an order, its payment and its process, by time.

For when you want to see how it came about. The columns are those of `operate streams show`. What events say may be
personal: it is shown with --payload alone.
"""

_FIND = """\
Find the orders of a customer, the newest first.

For when you know who asks, and not which order.
"""

_AN_ORDER: Final = "7c0e2f6d-31a8-5b0e-9d53-0c2f6d1a7e42"

COMMAND: Final = Group("orders", help=_HELP)


@COMMAND.command(
    help=_WHY,
    examples=(
        Example(f"orders why {_AN_ORDER}", "what it waits for, and what is in its way"),
        Example(f"orders why {_AN_ORDER} --json | jq .waitsFor", "the same, for a script"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="some 35 request units, and a look at the dead letters of the bus.",
)
@click.argument("order")
@json_option
@click.pass_obj
def why(session: Session, order: str, as_json: bool) -> None:
    from support import orders

    session.run(orders.why(session.connect("COSMOS", "SERVICEBUS"), order, as_json=as_json))


@COMMAND.command(
    help=_SHOW,
    examples=(
        Example(f"orders show {_AN_ORDER}", "as it is now"),
        Example(f"orders show {_AN_ORDER} --at-version 1", "as it was placed"),
        Example(f"orders show {_AN_ORDER} --as-of 2026-11-23T12:00:00Z", "as it was at noon"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@click.argument("order")
@moment_options
@json_option
@click.pass_obj
def show(session: Session, order: str, at_version: int | None, as_of: datetime | None, as_json: bool) -> None:
    from operate.folding import Moment
    from support import orders

    moment = Moment.of(at_version, as_of)
    session.run(orders.show(session.connect("COSMOS"), order, moment, as_json=as_json))


@COMMAND.command(
    help=_EVENTS,
    examples=(
        Example(f"orders events {_AN_ORDER}", "what happened, when, and because of what"),
        Example(f"orders events {_AN_ORDER} --payload --json", "all that they say, an event per line"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@click.argument("order")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="At most so many events.")
@click.option("--payload", is_flag=True, help="Also what they say, and who caused them.")
@json_option
@click.pass_obj
def events(session: Session, order: str, limit: int, payload: bool, as_json: bool) -> None:
    from support import orders

    session.run(orders.events(session.connect("COSMOS"), order, limit, payload=payload, as_json=as_json))


@COMMAND.command(
    help=_FIND,
    examples=(
        Example("orders find --customer ada", "the newest twenty"),
        Example("orders find --customer ada --limit 100 --json | jq -r .orderId", "the ids of a hundred"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@click.option("--customer", required=True, metavar="ID", help="The id of the customer.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="At most so many orders.")
@json_option
@click.pass_obj
def find(session: Session, customer: str, limit: int, as_json: bool) -> None:
    from support import orders

    session.run(orders.find(session.connect("COSMOS"), customer, limit, as_json=as_json))
