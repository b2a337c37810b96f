"""`operate parked` takes these arguments."""

from functools import partial
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import consumer_argument, json_option, yes_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.parked` is imported when they run.

_HELP = """\
List, show, release and discard what consumers have put aside.

An event of the change feed, or a message of the bus, that cannot be handled is put aside with its reason. What comes
later in its stream waits behind it, in order; releasing handles it all. Mend the cause first. What waits for a newer
build, or for an event that is missing, is released without you.
"""

_LIST_ALL = """\
List what is parked.

For when the health of the service is degraded, or the log says that something was parked. CONSUMER is commands,
reactions or notifications on the bus, and on the feed relay, or the name of a read model with its generation, NAME@1;
all of them unless it is given.
"""

_SHOW = """\
Show why something is parked, and what waits.

For when you look for the cause: it shows the trace of the error. CONSUMER and NAME are as in the list: NAME is a
stream, a session, or the key of a message that is parked alone. What messages say may be personal.
"""

_RELEASE = """\
Handle what waits, in its order.

For when the cause is mended: what fails again stays parked. It is handled here, with the settings of the service. Safe
to interrupt and to run again.
"""

_DISCARD = """\
Print a message that is parked alone, and take it away.

For when it can never be handled, such as one that nobody can read: releasing it fails each time. It is printed first,
all of it, as one JSON object; what it says may be personal. CONSUMER and the key are as in the list. A session or a
stream is released, and never discarded.
"""

COMMAND: Final = Group("parked", help=_HELP)


@COMMAND.command(
    name="list",
    help=_LIST_ALL,
    examples=(
        Example("parked list", "everything, of every consumer"),
        Example("parked list relay", "the streams of which nothing is sent"),
        Example("parked list --json | jq -r .error | sort | uniq -c", "how often each error"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="some 3 request units, and one more for each consumer and whatever it has parked.",
)
@partial(consumer_argument, required=False)
@json_option
@click.pass_obj
def list_all(session: Session, consumer: str | None, as_json: bool) -> None:
    from operate import parked

    session.run(parked.list_all(session.connect("COSMOS"), consumer, as_json=as_json))


@COMMAND.command(
    help=_SHOW,
    examples=(
        Example("parked show relay {stream}", "why nothing of this stream is sent"),
        Example("parked show commands {stream}", "the error, and the commands that wait behind it"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@consumer_argument
@click.argument("name")
@json_option
@click.pass_obj
def show(session: Session, consumer: str, name: str, as_json: bool) -> None:
    from operate import parked

    session.run(parked.show(session.connect("COSMOS"), consumer, name, as_json=as_json))


@COMMAND.command(
    help=_RELEASE,
    examples=(
        Example("parked release commands --name {stream}", "one session; try one before you take all"),
        Example("parked release {read_model}@1 --all", "all streams that a read model has put aside"),
        Example("parked release relay --all --yes", "without being asked, also in Azure"),
    ),
    ends=[ExitStatus.UNKNOWN, ExitStatus.FINDINGS],
    costs="what handling them costs, which is what they would have cost when they came.",
)
@consumer_argument
@click.option("--all", "all_parked", is_flag=True, help="Everything that the consumer has parked.")
@click.option("--name", "names", multiple=True, help="A stream, session or key; may be given several times.")
@yes_option
@json_option
@click.pass_obj
def release(
    session: Session, consumer: str, all_parked: bool, names: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    if all_parked == bool(names):
        raise click.UsageError("give either --all or --name")
    from operate import parked

    settings = session.connect_to_change("COSMOS", "SERVICEBUS", yes=yes)
    session.run(parked.release(settings, consumer, names, everything=all_parked, as_json=as_json))


@COMMAND.command(
    help=_DISCARD,
    examples=(
        Example("parked discard commands --name '~00000000000000000018-1f0c9a2b'", "what would be taken away"),
        Example(
            "parked discard commands --name '~00000000000000000018-1f0c9a2b' --yes >> discarded.jsonl",
            "it is taken away, and the file has all of it",
        ),
    ),
    ends=[ExitStatus.UNKNOWN, ExitStatus.FINDINGS],
)
@consumer_argument
@click.option("--name", required=True, help="The key of a message that is parked alone.")
@click.option("--yes", is_flag=True, help="Take it away; without this it is only printed.")
@click.pass_obj
def discard(session: Session, consumer: str, name: str, yes: bool) -> None:
    from operate import parked

    settings = session.connect_to_change("COSMOS", yes=True) if yes else session.connect("COSMOS")
    session.run(parked.discard(settings, consumer, name, yes=yes))
