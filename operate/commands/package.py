"""`operate package` takes these arguments."""

from pathlib import Path
from typing import Final

import click

from operate.help import Command, Example
from operate.options import json_option
from operate.session import Session

_HELP = """\
Pack what Azure is given, and list it.

For when you want to see what is deployed, or deploy it without azd. It holds every file that .funcignore does not name,
as `func azure functionapp publish` and azd would send it, and no dependency: Azure installs requirements.txt. What that
brings stands beside the zip, as a bill of materials in the format of CycloneDX, with the versions that are installed
here.
"""


@click.command(
    name="package",
    cls=Command,
    help=_HELP,
    examples=(
        Example("package", "into .package/app.zip, with its bill of materials beside it"),
        Example("package --output /tmp/app.zip --json", "into another file"),
    ),
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(".package/app.zip"),
    show_default=True,
    help="The zip.",
)
@json_option
@click.pass_obj
def command(session: Session, output: Path, as_json: bool) -> None:
    from operate import package

    package.run(session.root, output, as_json=as_json)


COMMAND: Final[click.Command] = command
