"""parked: what consumers of the bus have put aside, and its release."""

import asyncio
import json
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
from operate.lines import print_line, print_progress
from operate.messages import check_receiver, connected, message_json

_SHOWN_MESSAGES: Final = 1_000


async def list_all(environment: Mapping[str, str], consumer: str | None, *, as_json: bool) -> None:
    """Prints a line per parked session and per message that is parked alone. Raises CommandFailed."""
    async with _parked(environment) as parked:
        for name in parked.names(consumer):
            for session in await parked.sessions(name):
                print_line({"consumer": name, "session": session.session_id, "waiting": session.waiting,
                        **_brief(session.failure)}, as_json=as_json)  # fmt: skip
            for alone in await parked.store.alone(name):
                print_line({"consumer": name, "alone": alone.key, **_brief(alone.failure)}, as_json=as_json)


async def show(environment: Mapping[str, str], consumer: str, name: str, *, as_json: bool) -> None:
    """Prints why a session, or a message that is parked alone, is parked, and what waits. Raises CommandFailed."""
    async with _parked(environment) as parked:
        found = await parked.find(consumer, name)
        if isinstance(found, ParkedSession):
            messages = await parked.store.waiting(consumer, found.session_id, _SHOWN_MESSAGES)
        else:
            messages = [found.message]
        shown = {
            "consumer": consumer,
            "name": name,
            **_brief(found.failure),
            "trace": found.failure.trace,
            "messages": [message_json(message) for message in messages],
        }
        if as_json:
            print_line(shown, as_json=True)
            return
        print(f"{name} of {consumer}, {found.failure.attempts} attempts, last at {found.failure.at.isoformat()}")
        print(found.failure.trace.rstrip())
        for message in messages:
            print(json.dumps(message_json(message), ensure_ascii=False))


async def release(
    environment: Mapping[str, str], consumer: str, names: Sequence[str], *, everything: bool, as_json: bool
) -> None:
    """Handles what waits, in order, session by session; safe to interrupt and to run again.

    Raises CommandFailed when something is not known, or fails again: the rest is released nevertheless.
    """
    check_receiver(environment, consumer)
    async with _parked(environment) as parked:
        chosen = [await parked.find(consumer, name) for name in names]
        if everything:
            chosen = [*await parked.sessions(consumer), *await parked.store.alone(consumer)]
        failed = 0
        for number, each in enumerate(chosen, start=1):
            error = await parked.release(consumer, each, f"{number} of {len(chosen)}")
            failed += error is not None
            name = each.session_id if isinstance(each, ParkedSession) else each.key
            print_line({"consumer": consumer, "name": name, "released": error is None, "error": error}, as_json=as_json)
    if failed:
        raise CommandFailed(f"{failed} of {len(chosen)} are still parked: `operate parked show` has the reasons")


@dataclass(frozen=True, slots=True)
class _Parked:
    store: ParkedStore
    consumers: Mapping[str, MessageConsumer]

    def names(self, consumer: str | None) -> Sequence[str]:
        """All consumers, or this one. Raises CommandFailed for one that there is not."""
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
        session = await self.store.session(consumer, name)
        if session is not None:
            return session
        for alone in await self.store.alone(consumer):
            if alone.key == name:
                return alone
        raise CommandFailed(f"{consumer} has parked nothing named {name!r}: `operate parked list` shows what there is")

    async def release(self, consumer: str, parked: ParkedSession | ParkedAlone, title: str) -> str | None:
        """Why it is still parked, None if it is not. `title` begins each line of progress."""
        release, handler = Release(self.store, utc_now, asyncio.sleep), self.consumers[consumer]
        if isinstance(parked, ParkedAlone):
            print_progress(f"{title}: message {parked.key}")
            return await release.alone(handler, parked.key, parked.message)

        def report(message: Received) -> None:
            print_progress(f"{title}: {parked.session_id}, {message.message_id} handled")

        return (await release.session(handler, parked.session_id, report)).error


@asynccontextmanager
async def _parked(environment: Mapping[str, str]) -> AsyncIterator[_Parked]:
    async with connected(environment) as services:
        yield _Parked(services.parked, services.consumers)


def _brief(failure: Failure) -> Mapping[str, Any]:
    return {"error": failure.error, "attempts": failure.attempts, "at": failure.at.isoformat()}
