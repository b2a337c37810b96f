"""The health of a service is told by what it depends on, by how far its consumers are behind, and by what is parked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeVar

from engine.consuming.lag import Lags, PartitionLag
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked_streams.port import ParkedStreams
from engine.errors import AdapterError
from engine.messaging.port import Bus, DeadLetters
from engine.messaging.topology import COMMAND_QUEUE
from engine.sharing import Shared

FRESH_FOR: Final = 10.0
"""What was found answers all that ask within so many seconds: however often it is polled, it costs no more."""

LOOK_LIFETIME: Final = 10.0
"""A dependency that has not answered everything after so many seconds is down."""

BEHIND_FROM: Final = 60.0
"""A consumer that is so many seconds behind is not well."""

T = TypeVar("T")

Status = Literal["ok", "degraded", "down"]
Dependency = Literal["up", "down", "unused"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """Says what was found at one moment.

    `parked` counts streams, or sessions and single messages, by the name under which they are parked.
    Without the store, nothing is known of consumers. A bus that this process has not used yet is not connected to.
    """

    at: datetime
    store: Dependency
    bus: Dependency
    lags: Sequence[PartitionLag] = ()
    parked: Mapping[str, int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        if "down" in (self.store, self.bus):
            return "down"
        well = all(each.state == "owned" and (each.seconds or 0) < BEHIND_FROM for each in self.lags)
        return "ok" if well and not any(self.parked.values()) else "degraded"


class HealthCheck:
    """Looks at the dependencies and consumers of a service, once for all that ask within `FRESH_FOR` seconds."""

    def __init__(
        self,
        lags: Lags,
        parked: ParkedStore,
        parked_streams: ParkedStreams,
        bus: Bus,
        dead_letters: DeadLetters,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._lags = lags
        self._parked = parked
        self._parked_streams = parked_streams
        self._bus = bus
        self._dead_letters = dead_letters
        self._clock = clock
        self._look = Shared[Health](FRESH_FOR, monotonic)

    async def of(self, followers: Mapping[str, Sequence[str]], consumers: Collection[str]) -> Health:
        """Returns what was found of these consumers; it raises no error for what is away.

        `followers` maps the name of each that follows the feed, as in its leases, to those of its consumers, which
        park; `consumers` are those of the bus. A caller that is cancelled leaves the look to the others.
        """
        return await self._look.get(lambda: self._found(followers, consumers))

    async def recent(
        self, followers: Mapping[str, Sequence[str]], consumers: Collection[str], usable_for: float
    ) -> Health:
        """Returns the same, or what was found less than `usable_for` seconds ago: then nobody waits for a look."""
        return await self._look.recent(lambda: self._found(followers, consumers), usable_for)

    async def _found(self, followers: Mapping[str, Sequence[str]], consumers: Collection[str]) -> Health:
        at = self._clock()
        lags, parked, bus = await asyncio.gather(
            looked_at("Cosmos DB", self._lags.of(followers, at)),
            looked_at("Cosmos DB", self._parked_by(followers, consumers)),
            self._bus_state(),
        )
        if lags is None or parked is None:
            return Health(at, "down", bus)
        return Health(at, "up", bus, lags, parked)

    async def _parked_by(self, followers: Mapping[str, Sequence[str]], consumers: Collection[str]) -> Mapping[str, int]:
        async def streams(consumer: str) -> int:
            return len((await self._parked_streams.index(consumer)).stream_ids)

        async def messages(consumer: str) -> int:
            sessions, alone = await asyncio.gather(self._parked.sessions(consumer), self._parked.count_alone(consumer))
            return len(sessions) + alone

        of_the_feed = [each for its_consumers in followers.values() for each in its_consumers]
        counted = await asyncio.gather(*map(streams, of_the_feed), *map(messages, consumers))
        return dict(zip((*of_the_feed, *consumers), counted, strict=True))

    async def _bus_state(self) -> Dependency:
        if not self._bus.in_use():
            return "unused"
        asked = await looked_at("Service Bus", self._dead_letters.dead_letters(COMMAND_QUEUE, 0, 1))
        return "down" if asked is None else "up"


async def looked_at(what: str, work: Awaitable[T]) -> T | None:
    """Returns what the work returns; None if it fails, or takes too long, which the log explains."""
    try:
        async with asyncio.timeout(LOOK_LIFETIME):
            return await work
    except (AdapterError, TimeoutError) as error:
        _log.warning("%s is not well: %s", what, error or type(error).__name__)
        return None
