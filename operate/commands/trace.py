"""`operate trace` takes these arguments."""

from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Command, Example
from operate.options import json_option
from operate.output import say
from operate.session import Session
from operate.target import told

_HELP = """\
Show what was done, step by step, with times and charges.

For when you ask why something took so long, or what followed from it. ID is that of a trace, or of a stream such as
guest-7, or what stands behind the category in it, such as 7: then every trace is shown in which one of these streams
has a part. Traces are those of the stack that runs here, which keeps the newest in memory.
"""


@click.command(
    name="trace",
    cls=Command,
    help=_HELP,
    examples=(
        Example("trace {stream}", "all traces in which this stream has a part"),
        Example("trace 0af7651916cd43dd8448eb211c80319c", "one trace, by its id"),
        Example("trace {stream} --json | jq .requestUnits", "what each of them cost"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@click.argument("asked", metavar="ID")
@json_option
@click.pass_obj
def command(session: Session, asked: str, as_json: bool) -> None:
    from operate import trace, traces

    place = traces.receiver(session.root)
    say(told([place]))
    session.run(trace.run(place, asked, as_json=as_json))


COMMAND: Final[click.Command] = command
