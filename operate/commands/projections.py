"""`operate projections` takes these arguments."""

from typing import Final

import click

from operate.options import json_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.projections` is imported when they run.

_HELP = """\
Look after the read models.
"""

_STATUS = """\
Show how far each read model is behind, and the relay.

A row per consumer of the change feed and partition: who has its lease and for how many seconds it was not renewed, what
was written and not yet handled, in appends and in seconds, and how many streams the consumer has parked.

STATE is owned; unowned, while no host has the lease; expired, when its host is gone and no other has taken it; or
missing, when there is no lease: nobody will follow that partition. docs/operations.md says what to do.
"""

COMMAND: Final = click.Group("projections", help=_HELP)


@COMMAND.command(help=_STATUS)
@json_option
@click.pass_obj
def status(session: Session, as_json: bool) -> None:
    from operate import projections

    session.run(projections.status(session.connect("COSMOS"), as_json=as_json))
