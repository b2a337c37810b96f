"""dead-letters: what the bus gave up after crashes, and its way back."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.clock import utc_now
from engine.consuming.parked.release import Release
from engine.consuming.redrive import Redrive
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import DeadLetter
from engine.messaging.topology import COMMAND_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS, REACTION_QUEUE
from engine.services import Services
from operate.failure import CommandFailed
from operate.lines import print_line, print_progress
from operate.messages import check_receiver, connected, message_json

ENTITIES: Final[Mapping[str, str]] = {
    COMMAND_QUEUE: COMMAND_QUEUE,
    REACTION_QUEUE: REACTION_QUEUE,
    NOTIFICATION_QUEUE: NOTIFICATION_QUEUE,
    NOTIFICATIONS_OF_EVENTS: NOTIFICATION_QUEUE,
}
"""Where messages die, and the consumer that takes from there."""

_PAGE: Final = 100


async def list_all(environment: Mapping[str, str], entity: str | None, *, as_json: bool) -> None:
    """Prints a line per dead letter. Raises CommandFailed."""
    async with connected(environment) as services:
        for name in _entities(entity):
            after = 0
            while page := await services.dead_letters.dead_letters(name, after, _PAGE):
                for letter in page:
                    print_line({"entity": name, **_brief(letter)}, as_json=as_json)
                after = page[-1].message.sequence_number


async def show(environment: Mapping[str, str], entity: str, number: int, *, as_json: bool) -> None:
    """Prints one dead letter with its body. Raises CommandFailed."""
    (name,) = _entities(entity)
    async with connected(environment) as services:
        found = await services.dead_letters.dead_letters(name, number - 1, 1)
        if not found or found[0].message.sequence_number != number:
            raise CommandFailed(f"{name} has no dead letter {number}: `operate dead-letters list` shows what there is")
        shown = {"entity": name, **_brief(found[0]), **message_json(found[0].message)}
        print(json.dumps(shown, ensure_ascii=False, indent=None if as_json else 2))


async def redrive(environment: Mapping[str, str], entity: str, *, as_json: bool) -> None:
    """Releases what the entity's consumer has parked, then sends or handles each dead letter again, in order.

    Safe to interrupt and to run again. Raises CommandFailed when a parked session fails again, before any dead letter
    goes out, and when something is away.
    """
    (name,) = _entities(entity)
    check_receiver(environment, ENTITIES[name])
    async with connected(environment) as services:
        await _release_parked(services, ENTITIES[name])
        drive = Redrive(services.dead_letters, services.bus, services.messages, RetryPolicy(utc_now, asyncio.sleep))
        count = await drive.count(name)
        done = 0

        def report(letter: DeadLetter) -> None:
            nonlocal done
            done += 1
            print_progress(f"{done} of {count}: {letter.message.message_id}")

        if name == NOTIFICATIONS_OF_EVENTS:
            await drive.to_consumer(name, services.consumers[NOTIFICATION_QUEUE], count, report)
        else:
            await drive.to_queue(name, count, report)
        print_line({"entity": name, "redriven": done}, as_json=as_json)


async def _release_parked(services: Services, consumer: str) -> None:
    """A dead letter of a parked session would wait behind it: what is parked goes first, as it was first."""
    release = Release(services.parked, utc_now, asyncio.sleep)
    for session_id in sorted(await services.parked.sessions(consumer)):
        released = await release.session(
            services.consumers[consumer],
            session_id,
            lambda message: print_progress(f"parked: {message.message_id} handled"),
        )
        if released.error is not None:
            raise CommandFailed(f"session {session_id} of {consumer} is still parked: {released.error}")


def _entities(entity: str | None) -> Sequence[str]:
    if entity is None:
        return list(ENTITIES)
    if entity not in ENTITIES:
        raise CommandFailed(f"there is no entity {entity!r}; there are {', '.join(ENTITIES)}")
    return [entity]


def _brief(letter: DeadLetter) -> Mapping[str, Any]:
    return {
        "number": letter.message.sequence_number,
        "messageId": letter.message.message_id,
        "session": letter.message.session_id,
        "subject": letter.subject,
        "reason": letter.reason,
        "description": letter.description,
        "deliveries": letter.deliveries,
        "enqueuedAt": letter.enqueued_at.isoformat(),
    }
