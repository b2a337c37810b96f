"""What consumers of the bus and of the feed have put aside is found, shown, released and discarded by its name."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from engine.consuming.feed_runner import FeedConsumer
from engine.consuming.messages import MessageConsumer
from engine.consuming.parked.port import ParkedAlone, ParkedSession
from engine.consuming.parked.release import Release, Released
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parked_streams.release import StreamRelease
from engine.messaging.port import Received
from engine.storing.items import item_id

Parked = ParkedSession | ParkedAlone | ParkedStream

Report = Callable[[int, str], None]
"""Gets how many events or messages are handled so far, and which one was the last."""

T = TypeVar("T")

_OPERATOR: Final = "an operator"
_NEWER_BUILD: Final = "a newer build"
_LONGEST_NAME: Final = 128
"""Sessions of Service Bus have at most so many characters."""

_AT_ONCE: Final = 16
_ITEMS_BETWEEN: Final = 10
"""As many items that are no events may lie between two events, and the second is found."""


class NotParked(Exception):
    """Is raised for a consumer that there is not, and for a name under which it has parked nothing."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Knows the consumers of the bus and of the feed by their names, and what each has parked.

    All methods raise Unavailable and AccessRefused.
    """

    of_the_bus: Mapping[str, MessageConsumer]
    of_the_feed: Mapping[str, FeedConsumer]
    messages: Release
    streams: StreamRelease

    @property
    def consumers(self) -> Sequence[str]:
        return sorted([*self.of_the_bus, *self.of_the_feed])

    async def of(self, consumer: str, most: int | None = None) -> Sequence[Parked]:
        """Returns what the consumer has parked, or some of it: `most` streams, or sessions and messages.

        Streams are without their traces. Raises NotParked for a consumer that there is not.
        """
        self._check(consumer)
        if consumer in self.of_the_feed:
            return await self._streams(consumer, most)
        sessions = await self._sessions(consumer, most)
        if most is None:
            return [*sessions, *await self.messages.parked.alone(consumer)]
        room = most - len(sessions)
        return [*sessions, *(await self.messages.parked.alone(consumer, room) if room else ())]

    async def find(self, consumer: str, name: str) -> Parked:
        """Returns what the consumer has parked under this name: a stream, a session, or the key of a message.

        Raises NotParked.
        """
        self._check(consumer)
        of_the_feed = consumer in self.of_the_feed
        found = await (self.streams.parked.get if of_the_feed else self._of_the_bus)(consumer, name)
        if found is None:
            raise NotParked(f"{consumer} has parked nothing named {name!r}")
        return found

    async def messages_of(self, consumer: str, parked: ParkedSession | ParkedAlone, limit: int) -> Sequence[Received]:
        """Returns the first `limit` messages that wait: the one that failed, and of a session those behind it."""
        if isinstance(parked, ParkedAlone):
            return [parked.message]
        return await self.messages.parked.waiting(consumer, parked.session_id, limit)

    async def event_of(self, parked: ParkedStream) -> Mapping[str, Any] | None:
        """Returns the event that failed as it lies in the store; None where it is not known which, or it is gone."""
        if not parked.version:
            return None
        before, own = item_id(parked.version - 1), item_id(parked.version)
        items = await self.streams.store.items(parked.stream_id, before, _ITEMS_BETWEEN)
        return next((item for item in items if item["id"] == own), None)

    async def release(self, consumer: str, parked: Parked, report: Report) -> Released:
        """Handles what waits, in order, until nothing does or one fails; safe to interrupt and to repeat.

        Raises one of `TRANSIENT` when a store or the bus is not available.
        """
        handled = 0
        match parked:
            case ParkedStream():

                def reached(version: int) -> None:
                    report(version - parked.first + 1, f"event {version}")

                return await self.streams.stream(self.of_the_feed[consumer], parked.stream_id, reached)
            case ParkedSession():

                def step(message: Received) -> None:
                    nonlocal handled
                    handled += 1
                    report(handled, message.message_id)

                return await self.messages.session(self.of_the_bus[consumer], parked.session_id, step)
            case ParkedAlone():
                error = await self.messages.alone(self.of_the_bus[consumer], parked)
                return Released(int(error is None), error)

    async def discard(self, consumer: str, parked: ParkedAlone) -> bool:
        """Removes a message unhandled, for which no other waits; returns False if it is gone already."""
        return await self.messages.parked.remove_alone(consumer, parked.key)

    def _check(self, consumer: str) -> None:
        if consumer not in self.of_the_bus and consumer not in self.of_the_feed:
            raise NotParked(f"there is no consumer {consumer!r}; there are {', '.join(self.consumers)}")

    async def _of_the_bus(self, consumer: str, name: str) -> ParkedSession | ParkedAlone | None:
        if len(name) > _LONGEST_NAME:
            return None
        store = self.messages.parked
        if session := await store.session(consumer, name):
            return session
        return next((each for each in await store.alone(consumer) if each.key == name), None)

    async def _streams(self, consumer: str, most: int | None) -> Sequence[ParkedStream]:
        store = self.streams.parked
        ids = (await store.index(consumer)).stream_ids
        most = len(ids) if most is None else min(most, len(ids))
        # A replica that lags may show streams that are free, and not yet those that were parked just now.
        shown = (
            {each.stream_id: each for each in await store.all(consumer, most) if each.stream_id in ids} if ids else {}
        )
        hidden = sorted(ids - shown.keys())[: most - len(shown)]
        streams = [*shown.values(), *await _each(partial(store.get, consumer), hidden)]
        return sorted(streams, key=lambda each: each.stream_id)

    async def _sessions(self, consumer: str, most: int | None) -> Sequence[ParkedSession]:
        store = self.messages.parked
        ids = sorted(await store.sessions(consumer))[:most]
        return await _each(partial(store.session, consumer), ids)


def name_of(parked: Parked) -> str:
    """Returns the name under which it is found, within its consumer."""
    match parked:
        case ParkedStream():
            return parked.stream_id
        case ParkedSession():
            return parked.session_id
        case ParkedAlone():
            return parked.key


def waits_for(parked: Parked) -> str:
    """Says who or what ends the waiting."""
    if not isinstance(parked, ParkedStream):
        return _OPERATOR if parked.failure.newer is None else _NEWER_BUILD
    if parked.automatic:
        return "a build without the defect"
    return {"failed": _OPERATOR, "newer": _NEWER_BUILD, "gap": "a missing event"}[parked.why]


def count_of(parked: Parked) -> int:
    """Returns how many events or messages wait."""
    match parked:
        case ParkedStream():
            return max(parked.seen - parked.first + 1, 1)
        case ParkedSession():
            return parked.waiting
        case ParkedAlone():
            return 1


async def _each(read: Callable[[str], Awaitable[T | None]], names: Sequence[str]) -> list[T]:
    """Reads what there is of these, some at once."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> T | None:
        async with slots:
            return await read(name)

    return [found for found in await asyncio.gather(*map(one, names)) if found is not None]
