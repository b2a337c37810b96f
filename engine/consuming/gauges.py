"""Gauges tell, without being asked, how far the consumers are behind, and what is parked or dead."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.consuming.dead_letters import count
from engine.consuming.health import HealthCheck, looked_at
from engine.consuming.lag import PartitionLag
from engine.messaging.port import DeadLetters
from engine.messaging.topology import CONSUMERS
from engine.telemetry.instruments import DEAD_LETTERS, FEED_LAG, FEED_LAG_DURATION, FEED_PARTITIONS, PARKED
from engine.telemetry.metrics import record


@dataclass(frozen=True, slots=True)
class Gauges:
    """One process measures at a time: a gauge is about all of them."""

    health: HealthCheck
    dead_letters: DeadLetters

    async def measure(self, followers: Mapping[str, Sequence[str]], consumers: Collection[str]) -> None:
        """Sets every gauge that can be told now, in `LOOK_LIFETIME` at most; `HealthCheck.of` says of what."""
        found, _ = await asyncio.gather(self.health.of(followers, consumers), self._tell_dead_letters())
        _tell_lags(found.lags)
        for consumer, parked in found.parked.items():
            record(PARKED, parked, {"consumer.name": consumer})

    async def _tell_dead_letters(self) -> None:
        # Side by side: the SDK takes a second to open and close a link.
        await asyncio.gather(*map(self._tell_dead_letters_of, CONSUMERS))

    async def _tell_dead_letters_of(self, entity: str) -> None:
        found = await looked_at(f"{entity} of Service Bus", count(self.dead_letters, entity))
        if found is not None:
            record(DEAD_LETTERS, found, {"messaging.destination.name": entity})


def _tell_lags(lags: Sequence[PartitionLag]) -> None:
    states = Counter[tuple[str, str]]()
    for lag in lags:
        states[lag.consumer, lag.state] += 1
        where = {"consumer.name": lag.consumer, "messaging.destination.partition.id": lag.partition}
        if lag.documents is not None and lag.seconds is not None:
            record(FEED_LAG, lag.documents, where)
            record(FEED_LAG_DURATION, lag.seconds, where)
    for (consumer, state), partitions in states.items():
        record(FEED_PARTITIONS, partitions, {"consumer.name": consumer, "lease.state": state})
