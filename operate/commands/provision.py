"""`operate provision` takes these arguments."""

from typing import TYPE_CHECKING, Final

import click

from operate.help import Command, Example
from operate.options import json_option, yes_option
from operate.session import Session

if TYPE_CHECKING:
    from operate.provision import Asked

_HELP = """\
Create the database and its containers.

For when an account is new, and after a deployment that brings a read model. It creates them where they are missing, and
updates indexing and time to live where they differ. Safe to run again. In Azure it needs a key, or containers made by
infrastructure code: an identity of the data plane cannot create containers.

Without --throughput, a new database of an account that is not serverless gets what Cosmos DB gives each container by
default, 400 RU/s: a few commands a second.
"""


def _throughput(_: click.Context, __: click.Parameter, text: str | None) -> "Asked | None":
    from engine.storing.throughput import parse_throughput
    from operate.provision import Asked

    if text is None:
        return None
    try:
        return Asked(parse_throughput(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(
    name="provision",
    cls=Command,
    help=_HELP,
    examples=(
        Example("provision", "what is missing; what is there stays"),
        Example("provision --throughput autoscale:4000", "with 4,000 RU/s at most, shared by all containers"),
        Example("provision --json --yes", "by a script, also in Azure"),
    ),
)
@click.option(
    "--throughput",
    metavar="KIND",
    callback=_throughput,
    help="What all containers share: autoscale:4000 (RU/s at most), manual:400 (RU/s always), or serverless. It is set "
    "where the database has that kind; what there is is said.",
)
@yes_option
@json_option
@click.pass_obj
def command(session: Session, throughput: "Asked | None", yes: bool, as_json: bool) -> None:
    from operate import provision

    settings = session.connect_to_change("COSMOS", yes=yes)
    session.run(provision.run(settings, throughput, as_json=as_json))


COMMAND: Final[click.Command] = command
