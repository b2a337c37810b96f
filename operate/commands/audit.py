"""`operate audit` takes these arguments."""

from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Command, Example
from operate.options import json_option
from operate.session import Session

_HELP = """\
Ask for known weaknesses of what Azure installs.

For every week, and before a release. It asks PyPI about every distribution that `operate package` puts into the bill of
materials, in the version that is installed here. A weakness is a failure. What cannot be asked is said, and is none.
"""


@click.command(
    name="audit",
    cls=Command,
    help=_HELP,
    examples=(
        Example("audit", "a row for each known weakness"),
        Example("audit --json | jq -r .weakness", "their names"),
    ),
    ends=[ExitStatus.FINDINGS],
)
@json_option
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    from operate import audit

    audit.run(session.root, as_json=as_json)


COMMAND: Final[click.Command] = command
