"""`operate parked` lists, shows, releases and discards what consumers of the bus and of the feed have put aside."""

import base64
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from engine.consuming.parked.port import ParkedAlone, ParkedSession
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.waiting import NotParked, Parked, Waiting, count_of, name_of
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed, unknown
from operate.messages import check_receiver, connected, message_json, print_message
from operate.output import print_block, print_facts, print_json, print_rows, say
from operate.parked_rows import brief, in_one_table, print_stream, row
from operate.progress import gauges, steps

_SHOWN_MESSAGES: Final = 1_000


async def list_all(environment: Mapping[str, str], consumer: str | None, *, as_json: bool) -> None:
    """Prints a row per parked stream or session, and per message that is parked alone. Raises CommandFailed."""
    async with _waiting(environment) as waiting:
        names = waiting.consumers if consumer is None else [consumer]
        rows = [row(name, each) for name in names for each in await waiting.of(name)]
    print_rows(rows if as_json else [in_one_table(row) for row in rows], as_json=as_json)
    if not rows:
        say("nothing is parked")
    elif not as_json:
        say("`operate parked show CONSUMER NAME` has the trace of each")


async def show(environment: Mapping[str, str], consumer: str, name: str, *, as_json: bool) -> None:
    """Prints why something is parked, and what waits. Raises CommandFailed."""
    async with _waiting(environment) as waiting:
        found = await waiting.find(consumer, name)
        if isinstance(found, ParkedStream):
            print_stream(consumer, found, as_json=as_json)
            if found.waits_for_an_operator and not as_json:
                say(f"once the cause is mended: {_command('release', consumer, name)}")
            return
        messages = await waiting.messages_of(consumer, found, _SHOWN_MESSAGES)
    facts = {"consumer": consumer, "name": name, **brief(found)}
    if as_json:
        shown = [message_json(message) for message in messages]
        print_json({**facts, "trace": found.failure.trace, "messages": shown})
        return
    count = count_of(found)
    print_facts({**facts, "waiting": count})
    print_block("trace", found.failure.trace)
    for message in messages:
        print_message(message)
    if count > len(messages):
        say(f"these are the first {len(messages)} of {count}")
    if found.failure.newer is None:
        say(f"once the cause is mended: {_command('release', consumer, name)}")
        if isinstance(found, ParkedAlone):
            say(f"if it can never be handled: {_command('discard', consumer, name)}")


async def release(
    environment: Mapping[str, str], consumer: str, names: Sequence[str], *, everything: bool, as_json: bool
) -> None:
    """Handles what waits, in order, one after the other; safe to interrupt and to run again.

    Raises CommandFailed when something is not known, or fails again: the rest is released nevertheless.
    """
    check_receiver(environment, consumer)
    rows: list[Mapping[str, Any]] = []
    try:
        async with _waiting(environment, changes=True) as waiting:
            found = await waiting.of(consumer) if everything else [await waiting.find(consumer, each) for each in names]
            for each in found:
                error = await _released(waiting, consumer, each)
                rows.append({"consumer": consumer, "name": name_of(each), "released": error is None, "error": error})
                if as_json:
                    print_json(rows[-1])
    finally:
        # Whatever stops it, what is released is told.
        if not as_json:
            print_rows(rows, as_json=False)
    failed = sum(not row["released"] for row in rows)
    if failed:
        reason = f"{failed} of {len(found)} are still parked: `operate parked show` has the reasons"
        if any(isinstance(each, ParkedAlone) and not row["released"] for each, row in zip(found, rows, strict=True)):
            reason += ", and `operate parked discard` takes away a message that can never be handled"
        raise CommandFailed(reason, ExitStatus.FINDINGS)
    if not found:
        say("nothing is parked")


async def discard(environment: Mapping[str, str], consumer: str, name: str, *, yes: bool) -> None:
    """Prints a message that is parked alone, all of it; with `yes`, it is taken away then, unhandled.

    Raises CommandFailed without `yes`, for a session or a stream, and for what is not known or is gone by then.
    """
    async with _waiting(environment, changes=yes) as waiting:
        found = await waiting.find(consumer, name)
        if not isinstance(found, ParkedAlone):
            kind = "stream" if isinstance(found, ParkedStream) else "session"
            raise CommandFailed(
                f"{name} is a {kind}, of which nothing may be missing: mend the cause, then "
                f"{_command('release', consumer, name)}"
            )
        # It is written out before anything is removed: what cannot be printed is not lost either.
        print_json(_whole(consumer, found))
        if not yes:
            raise CommandFailed(
                f"{name} of {consumer} is still parked: with --yes it is taken away, for good and unhandled",
                ExitStatus.FINDINGS,
            )
        if not await waiting.discard(consumer, found):
            raise unknown(f"{name} of {consumer} is gone already: it was released or discarded meanwhile")
    say(f"{name} of {consumer} is taken away")


def _whole(consumer: str, parked: ParkedAlone) -> Mapping[str, Any]:
    """Returns all that is known of a message, its body byte by byte too: as JSON or text, it may not come back so."""
    message, failure = parked.message, parked.failure
    return {
        "consumer": consumer,
        "name": parked.key,
        **brief(parked),
        "newer": failure.newer,
        "trace": failure.trace,
        **message_json(message),
        "bodyBase64": base64.b64encode(message.body).decode(),
    }


def _command(verb: str, consumer: str, name: str) -> str:
    """Returns a command that a shell takes as it stands, whoever has chosen the name."""
    return f"`operate parked {verb} {shlex.quote(consumer)} --name {shlex.quote(name)}`"


async def _released(waiting: Waiting, consumer: str, parked: Parked) -> str | None:
    """Says why it is still parked; None if it is not."""
    name, count = name_of(parked), count_of(parked)
    if isinstance(parked, ParkedSession):
        with steps(name, count) as step:
            return (await waiting.release(consumer, parked, lambda _, last: step(f"{last} handled"))).error
    with gauges(f"{name}  ") as tell:

        def report(handled: int, _: str) -> None:
            tell({"events": (handled, max(handled, count))})

        return (await waiting.release(consumer, parked, report)).error


@asynccontextmanager
async def _waiting(environment: Mapping[str, str], *, changes: bool = False) -> AsyncIterator[Waiting]:
    """Connects. Raises CommandFailed when a store or the bus is away, and for what is not known."""
    async with connected(environment, changes=changes) as services:
        try:
            yield services.waiting
        except NotParked as error:
            raise unknown(f"{error}: `operate parked list` shows what there is") from error
