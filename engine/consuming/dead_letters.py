"""How many messages the bus gave up, as far as it is worth counting."""

from typing import Final

from engine.messaging.port import DeadLetters

MOST_COUNTED: Final = 100
"""Dead letters of one entity are counted up to this number.

Only the management interface of the bus counts them, which takes a right of its own, and which the local bus lacks.
Over AMQP they can be looked at, and each comes with its body.
"""


async def count(dead_letters: DeadLetters, entity: str) -> int:
    """Returns how many dead letters the entity has, `MOST_COUNTED` at most. Raises AdapterError."""
    found, last = 0, 0
    while found < MOST_COUNTED and (page := await dead_letters.dead_letters(entity, last, MOST_COUNTED - found)):
        found, last = found + len(page), page[-1].message.sequence_number
    return found
