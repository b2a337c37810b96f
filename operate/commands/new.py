"""`operate new` takes these arguments."""

from pathlib import Path
from typing import Final

import click

from operate import new
from operate.help import Command, Example
from operate.options import json_option
from operate.session import Session

_HELP = f"""\
Make a service of your own, or bring one up to date.

For when you begin a service: DIR becomes a whole one of its own, ready for `make run`, `make check` and `make test`:
{new.ROOMS_IN_WORDS} as they are here, and around them a small domain of two events, guests who arrive and leave, with
its read model, REST interface, tests, README and CI. DIR must not exist, or be empty.

With --update, DIR is such a service: those folders become as they are here again, each file that is replaced, added
or removed is named, and nothing else is touched. Safe to interrupt and to run again.
"""


@click.command(
    name="new",
    cls=Command,
    help=_HELP,
    examples=(
        Example("new ../guests", "a service named guests, beside this one"),
        Example("new ../inn --name guests", "the same in another folder"),
        Example("new ../guests --update", "bring it up to date with this one"),
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--name",
    help="Letters, digits and hyphens: the name of the database, the title of the README, the name in pyproject.toml "
    "and in what Cosmos DB logs of its clients (default: the last part of DIR). The domain is that of guests, whatever "
    "the name.",
)
@click.option("--update", is_flag=True, help="Bring the service in DIR up to date instead.")
@click.option(
    "--discard-changes",
    is_flag=True,
    help="With --update, also replace or remove what was changed or added there since; without, nothing is done.",
)
@json_option
@click.pass_obj
def command(
    session: Session, folder: Path, name: str | None, update: bool, discard_changes: bool, as_json: bool
) -> None:
    new.run(session.root, folder, name, update=update, discard=discard_changes, as_json=as_json)


COMMAND: Final[click.Command] = command
