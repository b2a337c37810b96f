"""`operate dead-letters` lists and shows what the bus gave up after crashes, and sends it again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.clock import utc_now
from engine.consuming.parked.release import Release
from engine.consuming.redrive import Redrive
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import DeadLetter, Received
from engine.messaging.topology import CONSUMERS, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS
from engine.services import Services
from engine.storing.events import time_at_rest
from operate.failure import CommandFailed, unknown
from operate.messages import check_receiver, connected, message_json, print_message
from operate.output import print_facts, print_json, print_rows, say
from operate.progress import steps

_PAGE: Final = 100


async def list_all(environment: Mapping[str, str], entity: str | None, *, as_json: bool) -> None:
    """Prints a row per dead letter. Raises CommandFailed."""
    rows: list[Mapping[str, Any]] = []
    async with connected(environment) as services:
        for name in _entities(entity):
            after = 0
            while page := await services.dead_letters.dead_letters(name, after, _PAGE):
                rows += ({"entity": name, **_brief(letter)} for letter in page)
                after = page[-1].message.sequence_number
    print_rows(rows, as_json=as_json)
    if not rows:
        say("there are no dead letters")
    elif not as_json:
        say("`operate dead-letters show ENTITY NUMBER` has the body of each")


async def show(environment: Mapping[str, str], entity: str, number: int, *, as_json: bool) -> None:
    """Prints one dead letter with its body. Raises CommandFailed."""
    (name,) = _entities(entity)
    async with connected(environment) as services:
        found = await services.dead_letters.dead_letters(name, number - 1, 1)
        if not found or found[0].message.sequence_number != number:
            raise unknown(f"{name} has no dead letter {number}: `operate dead-letters list` shows what there is")
    facts = {"entity": name, **_brief(found[0])}
    if as_json:
        print_json({**facts, **message_json(found[0].message)})
        return
    print_facts({name: value for name, value in facts.items() if name not in ("number", "messageId", "session")})
    print_message(found[0].message)


async def redrive(environment: Mapping[str, str], entity: str, *, as_json: bool) -> None:
    """Releases what the entity's consumer has parked, then sends or handles each dead letter again, in order.

    Safe to interrupt and to run again. Raises CommandFailed when a parked session fails again, before any dead letter
    goes out, and when something is away.
    """
    (name,) = _entities(entity)
    check_receiver(environment, CONSUMERS[name])
    async with connected(environment, changes=True) as services:
        await _release_parked(services, CONSUMERS[name])
        drive = Redrive(services.dead_letters, services.bus, services.messages, RetryPolicy(utc_now, asyncio.sleep))
        count = await drive.count(name)
        done = 0
        with steps(name, count) as step:

            def report(letter: DeadLetter) -> None:
                nonlocal done
                done += 1
                step(letter.message.message_id)

            if name == NOTIFICATIONS_OF_EVENTS:
                await drive.to_consumer(name, services.consumers[NOTIFICATION_QUEUE], count, report)
            else:
                await drive.to_queue(name, count, report)
    print_rows([{"entity": name, "redriven": done}], as_json=as_json)


async def _release_parked(services: Services, consumer: str) -> None:
    """Releases what is parked, which was first: a dead letter of a parked session would wait behind it."""
    release = Release(services.parked, utc_now, asyncio.sleep)
    for session_id in sorted(await services.parked.sessions(consumer)):
        with steps("parked", 0) as step:

            def report(message: Received, step: Callable[[str], None] = step) -> None:
                step(f"parked: {message.message_id} handled")

            released = await release.session(services.consumers[consumer], session_id, report)
        if released.error is not None:
            raise CommandFailed(f"session {session_id} of {consumer} is still parked: {released.error}")


def _entities(entity: str | None) -> Sequence[str]:
    if entity is None:
        return list(CONSUMERS)
    if entity not in CONSUMERS:
        raise unknown(f"there is no entity {entity!r}; there are {', '.join(CONSUMERS)}")
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
        "enqueuedAt": time_at_rest(letter.enqueued_at),
    }
