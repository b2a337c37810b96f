"""The feed runner passes one batch of the change feed to one consumer, stream by stream.

The change feed keeps the order of each stream, and delivers a batch again as a whole when it fails. So a stream that
fails keeps none of the others from being handled, and a stream that is throttled waits while the others go on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.consuming.errors import ConsumerError, PermanentFailure, TransientFailure
from engine.consuming.feed_items import by_stream, stream_of
from engine.consuming.throttling import LONGEST, Attempt
from engine.errors import AdapterError
from engine.storing.errors import UndecodableEvent

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedConsumer:
    """Follows some streams of the feed; `apply(stream_id, items)` handles the items of one, and is safe to repeat.

    `apply` raises ConsumerError, AdapterError and UndecodableEvent. It is called for `concurrent` streams at once.
    """

    name: str
    follows: Callable[[str], bool]
    apply: Callable[[str, Sequence[Mapping[str, Any]]], Awaitable[None]]
    concurrent: int = 16


@dataclass(frozen=True, slots=True)
class FeedRunner:
    """Runs consumers; `pause(seconds)` waits."""

    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def run(self, consumer: FeedConsumer, items: Iterable[Mapping[str, Any]]) -> None:
        """Handles every item of the batch that the consumer follows.

        If a stream fails, the other streams are handled first, then the error is raised. Raises TransientFailure when
        the same batch may succeed later, PermanentFailure when it will not.
        """
        attempt = Attempt(self.clock() + LONGEST, self.clock, self.pause)
        slots = asyncio.Semaphore(consumer.concurrent)

        async def apply(stream_id: str, its_items: Sequence[Mapping[str, Any]]) -> ConsumerError | None:
            async def once() -> None:
                # A stream that waits because it is throttled leaves its slot to another one.
                async with slots:
                    await consumer.apply(stream_id, its_items)

            try:
                await _translated(consumer, stream_id, attempt.unthrottled(once))
            except ConsumerError as error:
                return error
            return None

        streams = by_stream(item for item in items if consumer.follows(stream_of(item)))
        failures = [
            failure
            for failure in await asyncio.gather(*(apply(stream_id, its) for stream_id, its in streams.items()))
            if failure is not None
        ]
        for failure in failures:
            _log.error("%s", failure)
        if failures:
            permanent = [failure for failure in failures if isinstance(failure, PermanentFailure)]
            raise (permanent or failures)[0]


async def _translated(consumer: FeedConsumer, stream_id: str, work: Awaitable[None]) -> None:
    """Raises a ConsumerError in place of an AdapterError."""
    try:
        await work
    except UndecodableEvent as error:
        raise PermanentFailure(consumer.name, stream_id, str(error)) from error
    except AdapterError as error:
        raise TransientFailure(f"{consumer.name} waits with stream {stream_id}: {error}") from error
