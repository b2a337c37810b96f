"""`operate parked` lists, shows and releases what consumers of the bus and of the change feed have put aside."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from engine.clock import utc_now
from engine.consuming.parked.port import ParkedAlone, ParkedSession
from engine.consuming.parked.release import Release
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parked_streams.release import StreamRelease
from engine.messaging.port import Received
from engine.services import Services
from operate.failure import CommandFailed
from operate.messages import check_receiver, connected, message_json, print_message
from operate.output import print_block, print_facts, print_json, print_rows, say
from operate.parked_rows import Parked, brief, in_one_table, name_of, print_stream, row
from operate.progress import gauges, steps

_SHOWN_MESSAGES: Final = 1_000


async def list_all(environment: Mapping[str, str], consumer: str | None, *, as_json: bool) -> None:
    """Prints a row per parked stream or session, and per message that is parked alone. Raises CommandFailed."""
    async with _parked(environment) as parked:
        rows = [row(name, each) for name in parked.names(consumer) for each in await parked.of(name)]
    print_rows(rows if as_json else [in_one_table(row) for row in rows], as_json=as_json)
    if not rows:
        say("nothing is parked")


async def show(environment: Mapping[str, str], consumer: str, name: str, *, as_json: bool) -> None:
    """Prints why something is parked, and what waits. Raises CommandFailed."""
    async with _parked(environment) as parked:
        found = await parked.find(consumer, name)
        if isinstance(found, ParkedStream):
            print_stream(consumer, found, as_json=as_json)
            return
        if isinstance(found, ParkedSession):
            messages = await parked.services.parked.waiting(consumer, found.session_id, _SHOWN_MESSAGES)
        else:
            messages = [found.message]
    facts = {"consumer": consumer, "name": name, **brief(found.failure)}
    if as_json:
        shown = [message_json(message) for message in messages]
        print_json({**facts, "trace": found.failure.trace, "messages": shown})
        return
    waiting = found.waiting if isinstance(found, ParkedSession) else 1
    print_facts({**facts, "waiting": waiting})
    print_block("trace", found.failure.trace)
    for message in messages:
        print_message(message)
    if waiting > len(messages):
        say(f"these are the first {len(messages)} of {waiting}")


async def release(
    environment: Mapping[str, str], consumer: str, names: Sequence[str], *, everything: bool, as_json: bool
) -> None:
    """Handles what waits, in order, one after the other; safe to interrupt and to run again.

    Raises CommandFailed when something is not known, or fails again: the rest is released nevertheless.
    """
    check_receiver(environment, consumer)
    rows: list[Mapping[str, Any]] = []
    try:
        async with _parked(environment, changes=True) as parked:
            chosen = await parked.of(consumer) if everything else [await parked.find(consumer, each) for each in names]
            for each in chosen:
                error = await parked.release(consumer, each)
                rows.append({"consumer": consumer, "name": name_of(each), "released": error is None, "error": error})
                if as_json:
                    print_json(rows[-1])
    finally:
        # Whatever stops it, what is released is told.
        if not as_json:
            print_rows(rows, as_json=False)
    failed = sum(not row["released"] for row in rows)
    if failed:
        raise CommandFailed(f"{failed} of {len(chosen)} are still parked: `operate parked show` has the reasons")
    if not chosen:
        say("nothing is parked")


@dataclass(frozen=True, slots=True)
class _Parked:
    services: Services

    @property
    def streams(self) -> StreamRelease:
        return self.services.automatic.release

    def names(self, consumer: str | None) -> Sequence[str]:
        """Returns all consumers, or this one. Raises CommandFailed for one that there is not."""
        known = sorted([*self.services.consumers, *self.services.feed_consumers])
        if consumer is None:
            return known
        if consumer not in known:
            raise CommandFailed(f"there is no consumer {consumer!r}; there are {', '.join(known)}")
        return [consumer]

    async def of(self, consumer: str) -> Sequence[Parked]:
        self.names(consumer)
        if consumer in self.services.feed_consumers:
            store = self.streams.parked
            ids = (await store.index(consumer)).stream_ids
            # A replica that lags may show streams that are free, and not yet those that were parked just now.
            shown = {each.stream_id: each for each in await store.all(consumer)} if ids else {}
            streams = [shown.get(each) or await store.get(consumer, each) for each in sorted(ids)]
            return [stream for stream in streams if stream is not None]
        of_the_bus = self.services.parked
        found = [await of_the_bus.session(consumer, each) for each in sorted(await of_the_bus.sessions(consumer))]
        return [*(session for session in found if session is not None), *await of_the_bus.alone(consumer)]

    async def find(self, consumer: str, name: str) -> Parked:
        self.names(consumer)
        if consumer in self.services.feed_consumers:
            if stream := await self.streams.parked.get(consumer, name):
                return stream
        elif session := await self.services.parked.session(consumer, name):
            return session
        else:
            for alone in await self.services.parked.alone(consumer):
                if alone.key == name:
                    return alone
        raise CommandFailed(f"{consumer} has parked nothing named {name!r}: `operate parked list` shows what there is")

    async def release(self, consumer: str, parked: Parked) -> str | None:
        """Says why it is still parked; None if it is not."""
        if isinstance(parked, ParkedStream):
            with gauges(f"{parked.stream_id}  ") as tell:

                def reached(version: int) -> None:
                    tell({"events": (version, max(version, parked.seen))})

                by_feed = self.services.feed_consumers[consumer]
                return (await self.streams.stream(by_feed, parked.stream_id, reached)).error
        release, handler = Release(self.services.parked, utc_now, asyncio.sleep), self.services.consumers[consumer]
        if isinstance(parked, ParkedAlone):
            return await release.alone(handler, parked)
        with steps(parked.session_id, parked.waiting) as step:

            def report(message: Received) -> None:
                step(f"{message.message_id} handled")

            return (await release.session(handler, parked.session_id, report)).error


@asynccontextmanager
async def _parked(environment: Mapping[str, str], *, changes: bool = False) -> AsyncIterator[_Parked]:
    async with connected(environment, changes=changes) as services:
        yield _Parked(services)
