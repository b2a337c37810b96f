"""`operate views` takes these arguments."""

from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import json_option, yes_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.views` is imported when they run.

_HELP = """\
Make views afresh from the events.
"""

_REFOLD = """\
Make the views of one stream afresh.

For when its events were rewritten in place, to erase a person, and when `operate verify` says that a view differs.
STREAM is the id of the stream, as in its events. Each read model that follows it gets a new view of it, what it shows
of the stream elsewhere is deleted, and so are the snapshots of the stream. Safe to interrupt and to run again.
docs/operations.md says what comes before: hosts that run on keep in memory what the events said.
"""

COMMAND: Final = Group("views", help=_HELP)


@COMMAND.command(
    help=_REFOLD,
    examples=(
        Example("views refold {stream}", "all views of it"),
        Example("views refold {stream} --json --yes", "by a script, also in Azure"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="it reads the stream once for each read model: some 20 request units for each thousand events.",
)
@click.argument("stream")
@yes_option
@json_option
@click.pass_obj
def refold(session: Session, stream: str, yes: bool, as_json: bool) -> None:
    from operate import views

    session.run(views.refold(session.connect_to_change("COSMOS", yes=yes), stream, as_json=as_json))
