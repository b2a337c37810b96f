"""How many messages the bus gave up."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, TypedDict

from engine.consuming.dead_letters import count
from engine.errors import AdapterError
from engine.messaging.port import DeadLetters
from engine.messaging.topology import CONSUMERS

_LIFETIME: Final = 10.0

_log = logging.getLogger(__name__)


class DeadLetterCount(TypedDict):
    entity: str
    count: int


async def dead_letter_counts(dead_letters: DeadLetters) -> Sequence[DeadLetterCount] | None:
    """Returns how many there are in each entity; None if the bus does not say in time, which the log explains."""
    try:
        async with asyncio.timeout(_LIFETIME):
            found = await asyncio.gather(*(count(dead_letters, each) for each in CONSUMERS))
    except (AdapterError, TimeoutError) as error:
        _log.warning("the bus does not say how many dead letters there are: %s", error or type(error).__name__)
        return None
    return [{"entity": entity, "count": its} for entity, its in zip(CONSUMERS, found, strict=True)]
