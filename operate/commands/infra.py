"""`operate infra` takes these arguments."""

from typing import Final

import click

from operate.help import Command, Example
from operate.session import Session

_HELP = """\
Print what the infrastructure code reads, as JSON.

For when one of them has changed, before you deploy. Containers, entities of the bus, functions with their leases, and
settings, as the code has them. Terraform reads it in infra/model.json.
"""


@click.command(
    name="infra",
    cls=Command,
    help=_HELP,
    examples=(
        Example("infra | jq '.containers | keys'", "the containers that there have to be"),
        Example("infra > infra/model.json", "write anew what Terraform reads, where there is some"),
    ),
)
@click.pass_obj
def command(session: Session) -> None:
    from operate import infra

    infra.run(session.root)


COMMAND: Final[click.Command] = command
