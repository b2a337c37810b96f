"""`operate infra` takes these arguments."""

from typing import Final

import click

from operate.session import Session

_HELP = """\
Print what the infrastructure code reads, as JSON.

Containers, entities of the bus, functions with their leases, and settings, as the code has them. Terraform reads it in
infra/model.json: write that anew when one of them changes.
"""


@click.command(name="infra", help=_HELP)
@click.pass_obj
def command(session: Session) -> None:
    from operate import infra

    infra.run(session.root)


COMMAND: Final[click.Command] = command
