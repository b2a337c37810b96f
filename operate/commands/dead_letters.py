"""`operate dead-letters` takes these arguments."""

from functools import partial
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import POSITIVE, entity_argument, json_option, yes_option
from operate.session import Session

# Only commands that connect to the bus pay for the SDK: `operate.dead_letters` is imported when they run.

_HELP = """\
List, show and redrive what the bus gave up.

The bus gives a message up after ten deliveries that ended in a crash or a lost lock. Redriving sends it again, in the
order of its numbers, once the cause is mended; of the subscription events/notifications, it is handled here instead.
What the consumer has parked is released first.
"""

_LIST_ALL = """\
List the dead letters.

For when something was asked for and does not happen, and is not parked either. ENTITY is commands, reactions,
notifications or events/notifications; all of them unless it is given.
"""

_SHOW = """\
Show one dead letter with its body.

For when you look for the cause. ENTITY and NUMBER are as in the list. What its body says may be personal.
"""

_REDRIVE = """\
Send the dead letters of an entity again.

For when the cause is mended. What is parked of their consumer goes first. Safe to interrupt and to run again.
"""

COMMAND: Final = Group("dead-letters", help=_HELP)


@COMMAND.command(
    name="list",
    help=_LIST_ALL,
    examples=(
        Example("dead-letters list", "those of all queues and subscriptions"),
        Example("dead-letters list reactions", "those that processes have not heard of"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@partial(entity_argument, required=False)
@json_option
@click.pass_obj
def list_all(session: Session, entity: str | None, as_json: bool) -> None:
    from operate import dead_letters

    session.run(dead_letters.list_all(session.connect("COSMOS", "SERVICEBUS"), entity, as_json=as_json))


@COMMAND.command(
    help=_SHOW,
    examples=(
        Example("dead-letters show commands 12", "what it asks for, and why it was given up"),
        Example("dead-letters show reactions 3 --json", "the same in one line"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@entity_argument
@click.argument("number", type=POSITIVE)
@json_option
@click.pass_obj
def show(session: Session, entity: str, number: int, as_json: bool) -> None:
    from operate import dead_letters

    session.run(dead_letters.show(session.connect("COSMOS", "SERVICEBUS"), entity, number, as_json=as_json))


@COMMAND.command(
    help=_REDRIVE,
    examples=(
        Example("dead-letters redrive commands", "it asks first where the bus is not on this machine"),
        Example("dead-letters redrive events/notifications --yes", "it does not ask"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@entity_argument
@yes_option
@json_option
@click.pass_obj
def redrive(session: Session, entity: str, yes: bool, as_json: bool) -> None:
    from operate import dead_letters

    settings = session.connect_to_change("COSMOS", "SERVICEBUS", yes=yes)
    session.run(dead_letters.redrive(settings, entity, as_json=as_json))
