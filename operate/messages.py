"""The commands about messages connect, and show a message, by these functions."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from composition.services import build
from composition.settings import Settings
from engine.consuming.errors import ConsumerError
from engine.consuming.retry_policy import TRANSIENT
from engine.errors import AdapterError
from engine.messaging.port import Received
from engine.messaging.topology import NOTIFICATION_QUEUE
from engine.messaging.wire import readable
from engine.services import Services
from engine.storing.throughput import Background
from operate.failure import STAYS_DONE, CommandFailed
from operate.output import print_block, print_facts
from operate.outside import explained, misunderstood


@asynccontextmanager
async def connected(
    environment: Mapping[str, str], *, changes: bool = False, background: Background | None = None
) -> AsyncIterator[Services]:
    """Connects, with the handlers of the functions. Raises CommandFailed when a store or the bus is away.

    `changes`: the block changes something, and its failure says what became of that.
    """
    settings = Settings.from_mapping(environment)
    entered = False
    try:
        async with build(settings, background=background) as services:
            entered = True
            yield services
    except (*TRANSIENT, ConsumerError, AdapterError) as error:
        done = f"; {STAYS_DONE}" if changes and entered else ""
        raise CommandFailed(f"{explained(error, settings.engine)}{done}") from error
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        said = misunderstood(error, settings.engine)
        if said is None:
            raise
        raise CommandFailed(said) from error


def check_receiver(environment: Mapping[str, str], consumer: str) -> None:
    """Raises CommandFailed where notifications would be handled and nobody told: no webhook means done at once."""
    if consumer == NOTIFICATION_QUEUE and Settings.from_mapping(environment).engine.notifications is None:
        raise CommandFailed("NOTIFICATIONS_WEBHOOK is not set here: notifications would be gone, and nobody notified")


def message_json(message: Received) -> Mapping[str, Any]:
    """Returns a message with its body as JSON, or as text, or as its bytes in hexadecimal, whichever it is."""
    return {
        "number": message.sequence_number,
        "messageId": message.message_id,
        "session": message.session_id,
        "properties": dict(message.properties),
        "body": readable(message.body),
    }


def print_message(message: Received) -> None:
    """Prints the same for people: a line per fact, then the body."""
    facts = dict(message_json(message))
    body = facts.pop("body")
    print()
    print_facts({"message": facts.pop("number"), **facts})
    print_block("body", body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2))
