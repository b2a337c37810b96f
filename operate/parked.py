"""`operate parked` lists, shows and releases what consumers of the bus have put aside."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from engine.clock import utc_now
from engine.consuming.messages import MessageConsumer
from engine.consuming.parked.port import Failure, ParkedAlone, ParkedSession, ParkedStore
from engine.consuming.parked.release import Release
from engine.messaging.port import Received
from operate.failure import CommandFailed
from operate.messages import check_receiver, connected, message_json, print_message
from operate.output import print_block, print_facts, print_json, print_rows, say
from operate.progress import steps

_SHOWN_MESSAGES: Final = 1_000


async def list_all(environment: Mapping[str, str], consumer: str | None, *, as_json: bool) -> None:
    """Prints a row per parked session and per message that is parked alone. Raises CommandFailed."""
    rows: list[Mapping[str, Any]] = []
    async with _parked(environment) as parked:
        for name in parked.names(consumer):
            rows += [_of_session(name, each) for each in await parked.sessions(name)]
            rows += [_of_alone(name, each) for each in await parked.store.alone(name)]
    print_rows(rows if as_json else [_in_one_table(row) for row in rows], as_json=as_json)
    if not rows:
        say("nothing is parked")


async def show(environment: Mapping[str, str], consumer: str, name: str, *, as_json: bool) -> None:
    """Prints why a session, or a message that is parked alone, is parked, and what waits. Raises CommandFailed."""
    async with _parked(environment) as parked:
        found = await parked.find(consumer, name)
        if isinstance(found, ParkedSession):
            messages = await parked.store.waiting(consumer, found.session_id, _SHOWN_MESSAGES)
        else:
            messages = [found.message]
    facts = {"consumer": consumer, "name": name, **_brief(found.failure)}
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
    """Handles what waits, in order, session by session; safe to interrupt and to run again.

    Raises CommandFailed when something is not known, or fails again: the rest is released nevertheless.
    """
    check_receiver(environment, consumer)
    rows: list[Mapping[str, Any]] = []
    try:
        async with _parked(environment, changes=True) as parked:
            chosen = [await parked.find(consumer, name) for name in names]
            if everything:
                chosen = [*await parked.sessions(consumer), *await parked.store.alone(consumer)]
            for each in chosen:
                error = await parked.release(consumer, each)
                name = each.session_id if isinstance(each, ParkedSession) else each.key
                rows.append({"consumer": consumer, "name": name, "released": error is None, "error": error})
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
    store: ParkedStore
    consumers: Mapping[str, MessageConsumer]

    def names(self, consumer: str | None) -> Sequence[str]:
        """Returns all consumers, or this one. Raises CommandFailed for one that there is not."""
        if consumer is None:
            return sorted(self.consumers)
        if consumer not in self.consumers:
            raise CommandFailed(f"there is no consumer {consumer!r}; there are {', '.join(sorted(self.consumers))}")
        return [consumer]

    async def sessions(self, consumer: str) -> Sequence[ParkedSession]:
        self.names(consumer)
        found = [await self.store.session(consumer, each) for each in sorted(await self.store.sessions(consumer))]
        return [session for session in found if session is not None]

    async def find(self, consumer: str, name: str) -> ParkedSession | ParkedAlone:
        self.names(consumer)
        if session := await self.store.session(consumer, name):
            return session
        for alone in await self.store.alone(consumer):
            if alone.key == name:
                return alone
        raise CommandFailed(f"{consumer} has parked nothing named {name!r}: `operate parked list` shows what there is")

    async def release(self, consumer: str, parked: ParkedSession | ParkedAlone) -> str | None:
        """Says why it is still parked; None if it is not."""
        release, handler = Release(self.store, utc_now, asyncio.sleep), self.consumers[consumer]
        if isinstance(parked, ParkedAlone):
            return await release.alone(handler, parked)
        with steps(parked.session_id, parked.waiting) as step:

            def report(message: Received) -> None:
                step(f"{message.message_id} handled")

            return (await release.session(handler, parked.session_id, report)).error


@asynccontextmanager
async def _parked(environment: Mapping[str, str], *, changes: bool = False) -> AsyncIterator[_Parked]:
    async with connected(environment, changes=changes) as services:
        yield _Parked(services.parked, services.consumers)


def _brief(failure: Failure) -> Mapping[str, Any]:
    return {"error": failure.error, "attempts": failure.attempts, "at": failure.at.isoformat()}


def _of_session(consumer: str, parked: ParkedSession) -> Mapping[str, Any]:
    return {"consumer": consumer, "session": parked.session_id, "waiting": parked.waiting, **_brief(parked.failure)}


def _of_alone(consumer: str, parked: ParkedAlone) -> Mapping[str, Any]:
    return {"consumer": consumer, "alone": parked.key, **_brief(parked.failure)}


def _in_one_table(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the same columns for a session and a message; the name is what the other commands take."""
    brief = {name: value for name, value in row.items() if name not in ("consumer", "session", "alone", "waiting")}
    name = row.get("session") or row["alone"]
    return {"consumer": row["consumer"], "name": name, "waiting": row.get("waiting", 1), **brief}
