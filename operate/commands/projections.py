"""`operate projections` takes these arguments."""

from functools import partial
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import POSITIVE, json_option, yes_option
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.projections` is imported when they run.

_HELP = """\
Look after read models: how far they are, and rebuilds.

A generation is a version of a read model, with documents of its own. `rebuild` fills a new one while the hosts go on,
`flip` makes it answer the queries, and `drop` deletes one that is not needed any more.
"""

_STATUS = """\
Show how far read models and relay are behind.

For when what clients see is old, or nothing happens behind an event; and first of all, whatever is wrong. First comes a
row per generation: STATE is serves, whole, being built, or being dropped, WRITTEN says whether the hosts apply events
to it, and PARKED how many streams it has parked.

Then comes a row per consumer of the change feed and partition: who has its lease and for how many seconds it was not
renewed, and what was written and not yet handled, in appends and in seconds. LEASE is owned; unowned, while no host has
it; expired, when its host is gone and no other has taken it; or missing, when there is none: nobody will follow that
partition. docs/operations.md says what to do about each.
"""

_REBUILD = """\
Fill a new generation from the events.

For when the next build makes something else of the events, and when what a read model shows is wrong. NAME is the read
model. Deploy the build that has the new generation first, everywhere. Safe to interrupt and to run
again: it goes on where it was. It ends when the generation is whole, and the hosts write both from then on.
"""

_FLIP = """\
Make another generation answer the queries.

For when a new one is whole, and to go back. NAME is the read model. It is one write, and hosts follow within seconds.
Both are written until one is dropped, so flipping back is possible.
"""

_DROP = """\
Delete a generation that does not serve.

For when you will not flip back to it. NAME is the read model. Not for an hour after a flip: clients may still turn
pages of before it. Safe to interrupt and to run again.
"""

COMMAND: Final = Group("projections", help=_HELP)


@COMMAND.command(
    help=_STATUS,
    examples=(
        Example("projections status", "all of it"),
        Example("projections status --json | jq 'select(.seconds > 60)'", "those that are a minute behind"),
    ),
    costs="some 15 request units, and two more for each consumer and partition.",
)
@json_option
@click.pass_obj
def status(session: Session, as_json: bool) -> None:
    from operate import projections

    session.run(projections.status(session.connect("COSMOS"), as_json=as_json))


@COMMAND.command(
    help=_REBUILD,
    examples=(
        Example("projections rebuild {read_model}", "the newest generation that this build has"),
        Example("projections rebuild {read_model} --ru-per-second 4000", "faster, where there is room"),
        Example("projections rebuild {read_model} --to 2", "another generation"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="it reads every event and writes every view, within --ru-per-second.",
)
@click.argument("name")
@click.option("--to", type=POSITIVE, help="The generation; without it, the newest that this build has.")
@click.option(
    "--ru-per-second", type=POSITIVE, default=1000, show_default=True, help="It takes no more request units than these."
)
@click.option(
    "--throughput-bucket", type=click.IntRange(1, 5), help="Its requests count in this one, where the account has them."
)
@yes_option
@json_option
@click.pass_obj
def rebuild(
    session: Session,
    name: str,
    to: int | None,
    ru_per_second: int,
    throughput_bucket: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    from operate import projections

    settings = session.connect_to_change("COSMOS", yes=yes)
    run = partial(projections.rebuild, ru_per_second=ru_per_second, throughput_bucket=throughput_bucket)
    session.run(run(settings, name, to, as_json=as_json))


@COMMAND.command(
    help=_FLIP,
    examples=(
        Example("projections flip {read_model}", "the other one that is whole"),
        Example("projections flip {read_model} --to 1", "back to the first"),
    ),
    ends=[ExitStatus.UNKNOWN],
)
@click.argument("name")
@click.option("--to", type=POSITIVE, help="The generation; without it, the only other one that is whole.")
@click.option("--with-parked", is_flag=True, help="Also where streams of it are parked, whose views are behind.")
@yes_option
@json_option
@click.pass_obj
def flip(session: Session, name: str, to: int | None, with_parked: bool, yes: bool, as_json: bool) -> None:
    from operate import projections

    settings = session.connect_to_change("COSMOS", yes=yes)
    session.run(projections.flip(settings, name, to, with_parked=with_parked, as_json=as_json))


@COMMAND.command(
    help=_DROP,
    examples=(
        Example("projections drop {read_model} --generation 1", "the first, once the second has served for an hour"),
        Example("projections drop {read_model} --generation 2", "one that was never whole, and never will be"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="it deletes its documents one by one, at some 10 request units each.",
)
@click.argument("name")
@click.option("--generation", type=POSITIVE, required=True, help="The one to delete.")
@yes_option
@json_option
@click.pass_obj
def drop(session: Session, name: str, generation: int, yes: bool, as_json: bool) -> None:
    from operate import projections

    settings = session.connect_to_change("COSMOS", yes=yes)
    session.run(projections.drop(settings, name, generation, as_json=as_json))
