"""What an older build has parked as newer than itself is released by a build that knows it, without an operator."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.consuming.messages import MessageConsumer
from engine.consuming.parked.release import Release
from engine.consuming.retry_policy import TRANSIENT

_AT_ONCE: Final = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewerReleases:
    release: Release
    consumers: Iterable[MessageConsumer]

    async def run(self) -> None:
        """Releases the sessions, and the messages parked alone, that this build knows by now.

        What fails again stays parked, for an operator or for a still newer build. Raises AdapterError when the store of
        parked messages is away.
        """
        for consumer in self.consumers:
            for session_id in await self.release.parked.known(consumer.name, consumer.vocabulary, _AT_ONCE):
                try:
                    released = await self.release.session(consumer, session_id, lambda _: None)
                except TRANSIENT as error:
                    _log.warning("session %s of %s stays parked for now: %s", session_id, consumer.name, error)
                else:
                    outcome = released.error or "free"
                    _log.info("%s released %d of session %s: %s", consumer.name, released.handled, session_id, outcome)
            for alone in await self.release.parked.alone(consumer.name):
                if alone.failure.newer is not None and alone.failure.newer <= consumer.vocabulary:
                    await self.release.alone(consumer, alone)
