"""`operate parked` lists, shows and releases what consumers of the bus and of the change feed have put aside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from engine.consuming.parked.port import ParkedSession
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
            _say_what_to_do(consumer, name, found.waits_for_an_operator and not as_json)
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
    _say_what_to_do(consumer, name, found.failure.newer is None)


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
        raise CommandFailed(
            f"{failed} of {len(found)} are still parked: `operate parked show` has the reasons", ExitStatus.FINDINGS
        )
    if not found:
        say("nothing is parked")


def _say_what_to_do(consumer: str, name: str, waits_for_an_operator: bool) -> None:
    if waits_for_an_operator:
        say(f"once the cause is mended: `operate parked release {consumer} --name {name}`")


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
