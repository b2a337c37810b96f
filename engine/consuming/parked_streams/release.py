"""A release handles the events of a parked stream in order, up to its newest one, and then ends the parking."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from engine.consuming.feed_runner import FeedConsumer
from engine.consuming.parked.release import Released
from engine.consuming.parked_streams.port import ParkedStream, ParkedStreams
from engine.consuming.parking import unhandled
from engine.consuming.retry_policy import TRANSIENT
from engine.consuming.throttling import LONGEST, Attempt
from engine.storing.errors import HoleInStream
from engine.storing.items import to_item
from engine.storing.pages import pages
from engine.storing.port import EventStore


@dataclass(frozen=True, slots=True)
class StreamRelease:
    """Releases parked streams; `pause(seconds)` waits.

    It is safe to interrupt, to repeat, to run twice at once, and to run while the consumer is given the stream: it goes
    on after the last page that was handled, and a consumer is safe to repeat.
    """

    parked: ParkedStreams
    store: EventStore
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def stream(self, consumer: FeedConsumer, stream_id: str, report: Callable[[int], None]) -> Released:
        """Handles the events from the store, page by page, until the stream is free or one of them fails.

        `report` gets the version up to which they are handled, after each page. Raises one of `TRANSIENT` when a store
        or the bus is not available.
        """
        handled = 0
        while (parked := await self.parked.get(consumer.name, stream_id)) is not None:
            after, items = parked.first - 1, list[Mapping[str, Any]]()
            try:
                async for page in pages(self.store, stream_id, after):
                    items = [to_item(event) for event in page]
                    attempt = Attempt(self.clock() + LONGEST, self.clock, self.pause)
                    await attempt.unthrottled(partial(consumer.apply, stream_id, items))
                    handled, after = handled + len(page), page[-1].version
                    report(after)
                    moved = await self.parked.move_on(consumer.name, stream_id, after + 1)
                    if moved is None:
                        return Released(handled, None)
                    parked, items = moved, []
            except Exception as error:
                if isinstance(error, TRANSIENT) and not isinstance(error, HoleInStream):
                    raise
                return Released(handled, await self._failed_again(consumer, parked, items, error))
            if not await self.store.is_head(stream_id, after):
                # A replica lags, or there is something new.
                await self.pause(0.1)
            elif after < parked.seen:
                # The store was restored, or what was seen was no event: nothing above this version is there any more.
                # What comes there from now on must be seen as new.
                await self.parked.replace(consumer.name, replace(parked, seen=after))
            elif await self.parked.free(consumer.name, parked):
                # Nothing was skipped since the stream was found to end here: its etag would be another one.
                break
        return Released(handled, None)

    async def _failed_again(
        self, consumer: FeedConsumer, parked: ParkedStream, items: Sequence[Mapping[str, Any]], error: Exception
    ) -> str:
        now = unhandled(parked.stream_id, items, error, parked.attempts + 1, parked.at)
        same = (now.why, now.kind) == (parked.why, parked.kind)
        waits = replace(now, first=parked.first, seen=parked.seen, automatic=parked.automatic and same)
        await self.parked.replace(consumer.name, replace(waits, etag=parked.etag))
        return now.error
