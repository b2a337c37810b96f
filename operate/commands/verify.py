"""`operate verify` takes these arguments."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Command, Example
from operate.options import POSITIVE, json_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.verify` is imported when they run.

_HELP = """\
Read all events and views, and find what is not as it must be.

For every night, and after whatever may have damaged the store: a restore, or a hand in it. It finds gaps and forks in
streams, events that cannot be read, views that differ from the fold of their events, have been left behind or have no
stream, consumers without a lease, a relay that is behind, what is parked, processes that hang, and streams near a
limit. A view that is merely behind is none of it. docs/operations.md says what to do about each.

The service may go on meanwhile, and nothing is written but a file with what was read, which takes as much room as the
events do, and holds what they say.
"""


@click.command(
    name="verify",
    cls=Command,
    help=_HELP,
    examples=(
        Example("verify", "on this machine"),
        Example("verify --ru-per-second 400 --state /var/tmp/verify.state", "in Azure, beside the service"),
        Example("verify --json --ru-per-second 400 > findings.jsonl", "by a timer"),
    ),
    ends=[ExitStatus.FINDINGS],
    costs="it reads every event, view and sum once: some 70 request units for each thousand events. --ru-per-second "
    "bounds how fast.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep what was read in this file: run again with it, an interrupted verification goes on. It is removed at "
    "the end. Without it, a temporary file is used.",
)
@click.option("--ru-per-second", type=POSITIVE, help="Use no more request units in a second, for the service's sake.")
@click.option(
    "--unended-after",
    metavar="DAYS",
    type=POSITIVE,
    default=14,
    show_default=True,
    help="A process that has not ended and done nothing for so many days hangs.",
)
@json_option
@click.pass_obj
def command(session: Session, state: Path | None, ru_per_second: int | None, unended_after: int, as_json: bool) -> None:
    from operate import verify

    settings = session.connect("COSMOS")
    session.run(verify.run(settings, state, ru_per_second, timedelta(days=unended_after), as_json=as_json))


COMMAND: Final[click.Command] = command
