"""How many messages the bus gave up."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, TypedDict

from engine.consuming.redrive import ENTITIES
from engine.errors import AdapterError
from engine.messaging.port import DeadLetters

MOST_COUNTED: Final = 100
"""Dead letters are counted up to so many in each entity: the bus tells them only one after the other."""

_LIFETIME: Final = 10.0

_log = logging.getLogger(__name__)


class DeadLetterCount(TypedDict):
    entity: str
    count: int


async def dead_letter_counts(dead_letters: DeadLetters) -> Sequence[DeadLetterCount] | None:
    """Returns how many there are in each entity; None if the bus does not say in time, which the log explains."""
    try:
        async with asyncio.timeout(_LIFETIME):
            found = await asyncio.gather(*(dead_letters.dead_letters(each, 0, MOST_COUNTED) for each in ENTITIES))
    except (AdapterError, TimeoutError) as error:
        _log.warning("the bus does not say how many dead letters there are: %s", error or type(error).__name__)
        return None
    return [{"entity": entity, "count": len(its)} for entity, its in zip(ENTITIES, found, strict=True)]
