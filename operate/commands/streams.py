"""`operate streams` takes these arguments."""

from datetime import datetime
from typing import Final

import click

from operate.exit_status import ExitStatus
from operate.help import Example, Group
from operate.options import POSITIVE, category_option, json_option, moment_options
from operate.session import Session

# Only commands that connect to the store pay for the SDK: `operate.streams` is imported when they run.

_HELP = """\
Look at streams: their events, states and sizes.

For when you know what something is called, and want to know what happened to it. It reads, and changes nothing.
"""

_LIST_ALL = """\
List the streams that there are.

For when you do not know the id of a stream, or which kinds of streams there are. They come in any order, a
page at a time; where there are more, the last line says how to go on.
"""

_SHOW = """\
Show the events of a stream, as they lie in the store.

For when you want to see what happened, when, and because of what: CAUSATION ID is the command, or the event, that an
event directly followed from, CORRELATION ID the conversation that both belong to, and TRACE ID is for `operate trace`.
An event that this build cannot read has a remark, and so has one with a gap before it.

What events say may be personal: it is shown with --payload alone.
"""

_STATE = """\
Show what the events of a stream add up to, now or in the past.

For when you ask what the rules decide a command on. The state is folded from the events, without any snapshot, and
shown under the names that the rules have for it. It may hold personal data.
"""

_SIZE = """\
Show how large a stream is, and its snapshot.

For when the log has said that one of them comes near its limit. Beside each size stands its share of what Cosmos DB
takes: 20 GB for a stream, 2 MB for a snapshot. The size of the stream is an estimate by its newest events.
"""

_LARGE = """\
Find the streams with many events.

For when you want to know of a limit before the log does. `operate verify` adds up the true sizes of all streams; this
asks which have come to a version, and estimates their sizes only.
"""

COMMAND: Final = Group("streams", help=_HELP)


@COMMAND.command(
    name="list",
    help=_LIST_ALL,
    examples=(
        Example("streams list", "twenty streams, of any kind"),
        Example("streams list --category {category} --limit 100", "a hundred of one kind"),
        Example("streams list --json | jq -r '.stream // empty'", "their ids, for a script"),
    ),
    costs="some 5 request units, and one more for each fifty streams that it shows, however many there are.",
)
@category_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--continuation", help="Go on where the list before has ended.")
@json_option
@click.pass_obj
def list_all(session: Session, category: str | None, limit: int, continuation: str | None, as_json: bool) -> None:
    from operate import streams

    settings = session.connect("COSMOS")
    session.run(streams.list_all(settings, category, limit, continuation, as_json=as_json))


@COMMAND.command(
    help=_SHOW,
    examples=(
        Example("streams show {stream}", "its first fifty events"),
        Example("streams show {stream} --from 51", "those behind them"),
        Example("streams show {stream} --payload --json", "all that they say, an event per line"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="some 5 request units, and one more for each fifty events.",
)
@click.argument("stream")
@click.option("--from", "first", type=POSITIVE, default=1, show_default=True, metavar="VERSION", help="Begin there.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many events.")
@click.option("--payload", is_flag=True, help="Also what they say, and who caused them.")
@json_option
@click.pass_obj
def show(session: Session, stream: str, first: int, limit: int, payload: bool, as_json: bool) -> None:
    from operate import streams

    settings = session.connect("COSMOS")
    session.run(streams.show(settings, stream, first, limit, payload=payload, as_json=as_json))


@COMMAND.command(
    help=_STATE,
    examples=(
        Example("streams state {stream}", "what it is now"),
        Example("streams state {stream} --at-version 2", "what it was before the third event"),
        Example("streams state {stream} --as-of 2026-11-23T12:00:00Z", "what it was at noon"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="it reads the whole stream up to there: some 20 request units for each thousand events.",
)
@click.argument("stream")
@moment_options
@json_option
@click.pass_obj
def state(session: Session, stream: str, at_version: int | None, as_of: datetime | None, as_json: bool) -> None:
    from operate import streams
    from operate.folding import Moment

    moment = Moment.of(at_version, as_of)
    session.run(streams.state(session.connect("COSMOS"), stream, moment, as_json=as_json))


@COMMAND.command(
    help=_SIZE,
    examples=(
        Example("streams size {stream}", "its events, its bytes, and those of its snapshot"),
        Example("streams size {stream} --json", "the same as numbers"),
    ),
    ends=[ExitStatus.UNKNOWN],
    costs="some 10 request units: it reads the newest hundred events, and the snapshot.",
)
@click.argument("stream")
@json_option
@click.pass_obj
def size(session: Session, stream: str, as_json: bool) -> None:
    from operate import streams

    session.run(streams.size(session.connect("COSMOS"), stream, as_json=as_json))


@COMMAND.command(
    help=_LARGE,
    examples=(
        Example("streams large", "those that could come near 20 GB"),
        Example("streams large --events 10000 --limit 5", "five of those with ten thousand events or more"),
    ),
    costs="some 5 request units, and 10 for each stream that it finds.",
)
@click.option(
    "--events", type=POSITIVE, default=85_899, show_default=True, help="Those that have so many events, or more."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many streams.")
@json_option
@click.pass_obj
def large(session: Session, events: int, limit: int, as_json: bool) -> None:
    from operate import streams

    session.run(streams.large(session.connect("COSMOS"), events, limit, as_json=as_json))
