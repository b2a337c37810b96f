"""What waits for a newer build, for an event that was missing, or for a build without a defect is released unasked."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from engine.consuming.feed_runner import FeedConsumer
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parked_streams.release import StreamRelease
from engine.consuming.retry_policy import TRANSIENT

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AutomaticReleases:
    release: StreamRelease
    consumers: Iterable[FeedConsumer]

    async def run(self) -> None:
        """Tries to release the streams that wait for no operator; of those that fail alike, one.

        So no build has to know which other build it is: what it can handle shows when it tries. Raises AdapterError
        when the store of parked streams is away.
        """
        for consumer in self.consumers:
            # Mostly nothing is parked, and this is the cheapest way to know.
            if (await self.release.parked.index(consumer.name)).stream_ids:
                await self._run(consumer)

    async def _run(self, consumer: FeedConsumer) -> None:
        in_vain = set[tuple[str, ...]]()
        for parked in await self.release.parked.all(consumer.name):
            if parked.waits_for_an_operator or _alike(parked) in in_vain:
                continue
            try:
                released = await self.release.stream(consumer, parked.stream_id, lambda _: None)
            except TRANSIENT as error:
                _log.warning("stream %s of %s stays parked for now: %s", parked.stream_id, consumer.name, error)
                continue
            outcome = released.error or "free"
            _log.info("%s released %d of stream %s: %s", consumer.name, released.handled, parked.stream_id, outcome)
            if released.error is not None:
                still = await self.release.parked.get(consumer.name, parked.stream_id)
                if still is not None and not still.waits_for_an_operator:
                    in_vain.add(_alike(still))


def _alike(parked: ParkedStream) -> tuple[str, ...]:
    """Returns what streams have in common of which one is tried for all; each gap is one of its own."""
    return (parked.why, parked.stream_id if parked.why == "gap" else parked.kind)
