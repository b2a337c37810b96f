"""The feed runner passes one batch of the change feed to one consumer, stream by stream.

The change feed keeps the order of each stream, and delivers a batch again as a whole when it fails. So a stream that
fails keeps none of the others from being handled: while what it needs is away, the batch is tried again, and one whose
event cannot be handled is parked. A stream that is throttled waits while the others go on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from engine.consuming import observed
from engine.consuming.errors import ConsumerError, TransientFailure
from engine.consuming.feed_items import by_stream, stream_of
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parking import Parking, unhandled
from engine.consuming.retry_policy import TRANSIENT
from engine.consuming.throttling import LONGEST, Attempt
from engine.errors import AdapterError
from engine.storing.errors import HoleInStream, NewerEvent

TRIES_BEFORE_PARKING: Final = 5

_FIRST_PAUSE: Final = 0.1

_Items = Sequence[Mapping[str, Any]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedConsumer:
    """Follows some streams of the feed; `apply(stream_id, items)` handles the items of one, and is safe to repeat.

    What `apply` raises decides what becomes of the stream. One of `TRANSIENT` has it wait;
    NewerEvent parks it for a newer build; any other error parks it for an operator. One that `never_overtakes` is not
    given an event of a parked stream before a release; others may be, in the moment after the stream was parked, and
    have to forgive that. `apply` is called for `concurrent` streams at once. `step` is what telemetry calls it.
    """

    name: str
    follows: Callable[[str], bool]
    apply: Callable[[str, Sequence[Mapping[str, Any]]], Awaitable[None]]
    never_overtakes: bool = False
    concurrent: int = 16
    step: str = "apply"


@dataclass(frozen=True, slots=True)
class FeedRunner:
    """Runs consumers; `pause(seconds)` waits."""

    parking: Parking
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def run(
        self, consumer: FeedConsumer, items: Iterable[Mapping[str, Any]], longest: timedelta = LONGEST
    ) -> None:
        """Handles or parks every item of the batch that the consumer follows.

        Raises TransientFailure once all streams were tried, if the same batch has to be tried again. What is throttled
        waits for `longest` in all. A consumer that never overtakes holds a batch of a stream that was parked just now:
        who gets the next batch knows of it by then, and after a crash this batch comes first again, and is held again.
        """
        streams = by_stream(item for item in items if consumer.follows(stream_of(item)))
        if not streams:
            return
        with observed.batch(consumer.name, streams) as batch:
            await self.run_streams(consumer, streams, batch.traceparent, longest)

    async def run_streams(
        self, consumer: FeedConsumer, streams: Mapping[str, _Items], batch: str, longest: timedelta
    ) -> None:
        """Does what `run` does with the streams of a batch, whose span `batch` the caller has begun."""
        attempt = Attempt(self.clock() + longest, self.clock, self.pause)
        slots = asyncio.Semaphore(consumer.concurrent)

        async def handled(stream_id: str, its_items: _Items) -> ParkedStream | TransientFailure | None:
            with observed.stream(consumer.step, consumer.name, stream_id, its_items, batch) as span:
                end = await self._handled(consumer, parked, attempt, slots, stream_id, its_items)
                if end is not None:
                    span.fail(end.kind if isinstance(end, ParkedStream) else type(end).__name__)
                return end

        try:
            parked = await self.parking.parked(consumer.name, never_overtakes=consumer.never_overtakes)
            ends = await asyncio.gather(*(handled(*stream) for stream in streams.items()))
            waiting = [each for each in ends if isinstance(each, ParkedStream)]
            failures: list[ConsumerError] = [each for each in ends if isinstance(each, ConsumerError)]
            failures += await self.parking.park(consumer.name, len(streams), waiting)
        except AdapterError as error:
            raise TransientFailure(f"{consumer.name} waits for what it has parked: {error}") from error
        for failure in failures:
            _log.error("%s", failure)
        if failures:
            raise failures[0]
        if consumer.never_overtakes:
            await self._hold(consumer.name, streams)

    async def park(
        self, consumer: str, streams: Mapping[str, tuple[Sequence[Mapping[str, Any]], Exception]]
    ) -> Sequence[TransientFailure]:
        """Parks streams whose items, of a batch that was run before, turn out not to be handled, each by its error.

        Returns the defects as `Parking.park` does, and holds the batch as `run` does. Raises TransientFailure.
        """
        if not streams:
            return ()
        now = self.clock()
        waiting = [unhandled(stream_id, items, error, 1, now) for stream_id, (items, error) in streams.items()]
        try:
            defects = await self.parking.park(consumer, 0, waiting)
            await self._hold(consumer, streams)
            return defects
        except AdapterError as error:
            raise TransientFailure(f"{consumer} waits for what it has parked: {error}") from error

    async def _hold(self, consumer: str, stream_ids: Iterable[str]) -> None:
        if seconds := self.parking.news(consumer, stream_ids):
            await self.pause(seconds)

    async def _handled(
        self,
        consumer: FeedConsumer,
        parked: Collection[str],
        attempt: Attempt,
        slots: asyncio.Semaphore,
        stream_id: str,
        items: Sequence[Mapping[str, Any]],
    ) -> ParkedStream | TransientFailure | None:
        """Returns how the stream is to be parked, or why the batch has to be tried again; None if it is handled."""
        tries = 0

        async def once() -> None:
            nonlocal tries
            # A stream that waits, because it is throttled or has failed, leaves its slot to another one.
            async with slots:
                tries += 1
                if stream_id not in parked or not await self.parking.skip(consumer.name, stream_id, items):
                    await consumer.apply(stream_id, items)

        try:
            await self._insisted(lambda: attempt.unthrottled(once))
        except HoleInStream as error:
            if not self.parking.still_a_hole(consumer.name, stream_id):
                return unhandled(stream_id, items, error, tries, self.clock())
            return _waits(consumer, stream_id, error)
        except Exception as error:  # noqa: BLE001 - every error is shown to an operator
            if isinstance(error, TRANSIENT):
                return _waits(consumer, stream_id, error)
            return unhandled(stream_id, items, error, tries, self.clock())
        self.parking.handled(consumer.name, stream_id)
        return None

    async def _insisted(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work, which is tried again a few times when it fails for good: perhaps it does not."""
        for tried in range(1, TRIES_BEFORE_PARKING):
            try:
                return await work()
            except Exception as error:
                if isinstance(error, (*TRANSIENT, NewerEvent)):
                    raise
            await self.pause(_FIRST_PAUSE * 2**tried)
        return await work()


def _waits(consumer: FeedConsumer, stream_id: str, error: Exception) -> TransientFailure:
    failure = TransientFailure(f"{consumer.name} waits with stream {stream_id}: {error}")
    failure.__cause__ = error
    return failure
