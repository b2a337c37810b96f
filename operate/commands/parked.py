"""`operate parked` takes these arguments."""

from functools import partial
from typing import Final

import click

from operate.options import consumer_argument, json_option, yes_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.parked` is imported when they run.

_HELP = """\
List, show and release what consumers have put aside.

An event of the change feed, or a message of the bus, that cannot be handled is put aside with its reason. What comes
later in its stream waits behind it, in order; releasing handles it all. Mend the cause first. What waits for a newer
build, or for an event that is missing, is released without you.
"""

_LIST_ALL = """\
List what is parked.

CONSUMER is commands, reactions or notifications on the bus, and on the feed relay, or the name of a read model with
its generation, NAME@1; all of them unless it is given.
"""

_SHOW = """\
Show why something is parked, with the trace of the error, and what waits.

NAME is a stream, a session, or the key of a message that is parked alone, as in the list.
"""

_RELEASE = """\
Handle what waits.

It is handled in its order, here, with the settings of the service. Safe to interrupt and to run again.
"""

COMMAND: Final = click.Group("parked", help=_HELP)


@COMMAND.command(name="list", help=_LIST_ALL)
@partial(consumer_argument, required=False)
@json_option
@click.pass_obj
def list_all(session: Session, consumer: str | None, as_json: bool) -> None:
    from operate import parked

    session.run(parked.list_all(session.connect("COSMOS"), consumer, as_json=as_json))


@COMMAND.command(help=_SHOW)
@consumer_argument
@click.argument("name")
@json_option
@click.pass_obj
def show(session: Session, consumer: str, name: str, as_json: bool) -> None:
    from operate import parked

    session.run(parked.show(session.connect("COSMOS"), consumer, name, as_json=as_json))


@COMMAND.command(help=_RELEASE)
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
