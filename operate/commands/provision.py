"""`operate provision` takes these arguments."""

from typing import Final

import click

from operate.options import json_option, yes_option
from operate.session import Session

_HELP = """\
Create the database and its containers.

Creates them where they are missing, and updates indexing and time to live where they differ. Safe to run again. In
Azure it needs a key, or containers made by infrastructure code: an identity of the data plane cannot create
containers.
"""


@click.command(name="provision", help=_HELP)
@yes_option
@json_option
@click.pass_obj
def command(session: Session, yes: bool, as_json: bool) -> None:
    from operate import provision

    settings = session.connect_to_change("COSMOS", yes=yes)
    session.run(provision.run(settings, as_json=as_json))


COMMAND: Final[click.Command] = command
