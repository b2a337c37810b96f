"""`operate audit` takes these arguments."""

from typing import Final

import click

from operate.options import json_option
from operate.session import Session

_HELP = """\
Ask for known weaknesses of what Azure installs.

It asks PyPI about every distribution that `operate package` puts into the bill of materials, in the version that is
installed here. A weakness is a failure. What cannot be asked is said, and is none.
"""


@click.command(name="audit", help=_HELP)
@json_option
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    from operate import audit

    audit.run(session.root, as_json=as_json)


COMMAND: Final[click.Command] = command
