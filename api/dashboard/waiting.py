"""`waiting` lists what consumers have put aside, and what the bus gave up; `payload` shows what one of it says."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

import azure.functions as func

from api.dashboard.dead_letters import DeadLetterCount, dead_letter_counts
from api.dashboard.reader import Reader
from api.dashboard.traces import trace_id
from engine.consuming.dead_letters import MOST_COUNTED
from engine.consuming.parked.port import Failure, ParkedAlone, ParkedSession
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.waiting import NotParked, Parked, count_of, name_of, waits_for
from engine.messaging.wire import readable
from engine.services import Services
from engine.storing.events import time_at_rest
from engine.triggers.http_requests import read_text
from engine.triggers.parameters import Parameter
from engine.triggers.problems import NotFound

MOST_SHOWN: Final = 200
"""So many streams, sessions and messages are listed: those that wait for longest, of as many of each consumer."""

_CONSUMER: Final = Parameter("consumer", "query", {"type": "string"}, "A consumer, as `waiting` names it.")
_NAME: Final = Parameter("name", "query", {"type": "string"}, "What it has parked, as `waiting` names it.")


class ParkedRow(TypedDict):
    """Shows what is parked under a name, without what it says.

    `version` and `type` are those of the event that cannot be handled, None for what came from the bus. `trace` is the
    trace of a message that is parked alone; that of others `payload` finds.
    """

    consumer: str
    name: str
    kind: Literal["stream", "session", "message"]
    version: int | None
    type: str | None
    reason: str
    error: str
    trace: str | None
    since: str
    attempts: int
    waiting: int


class WaitingList(TypedDict):
    """Shows what waits. `deadLetters` is None where the bus cannot say; `more` says that not all is shown."""

    parked: list[ParkedRow]
    deadLetters: list[DeadLetterCount] | None
    more: bool


class Payload(TypedDict):
    """Shows what failed: the event, or the message of which others wait behind it. `text` is there for no JSON.

    `payload` is None for an event that is gone, or of which is not known which it is.
    """

    consumer: str
    name: str
    trace: str | None
    traceback: str
    payload: NotRequired[Any]
    text: NotRequired[str]


async def waiting_list(services: Services) -> WaitingList:
    """Returns what waits, without what it says: what waits for longest comes first."""
    consumers = services.waiting.consumers
    found = await asyncio.gather(*(services.waiting.of(each, MOST_SHOWN + 1) for each in consumers))
    rows = [_row(consumer, parked) for consumer, its in zip(consumers, found, strict=True) for parked in its]
    rows.sort(key=lambda row: (row["since"], row["consumer"], row["name"]))
    dead = await dead_letter_counts(services.dead_letters)
    more = len(rows) > MOST_SHOWN or any(each["count"] == MOST_COUNTED for each in dead or ())
    return {"parked": rows[:MOST_SHOWN], "deadLetters": None if dead is None else [*dead], "more": more}


async def _waiting(services: Services, _req: func.HttpRequest) -> WaitingList:
    return await waiting_list(services)


async def _payload(services: Services, req: func.HttpRequest) -> Payload:
    consumer, name = read_text(req, "consumer"), read_text(req, "name")
    try:
        parked = await services.waiting.find(consumer, name)
    except NotParked as error:
        raise NotFound(f"{error}.") from None
    if isinstance(parked, ParkedStream):
        says, traceparent = await _event(services, parked)
    else:
        says, traceparent = await _message(services, consumer, parked)
    shown: Payload = {
        "consumer": consumer,
        "name": name,
        "trace": trace_id(traceparent),
        "traceback": _failure(parked).trace,
    }
    if isinstance(says, str):
        shown["text"] = says
    else:
        shown["payload"] = says
    return shown


WAITING: Final = Reader("waiting", WaitingList, _waiting)
PAYLOAD: Final = Reader("payload", Payload, _payload, (_CONSUMER, _NAME))


def _row(consumer: str, parked: Parked) -> ParkedRow:
    failure = _failure(parked)
    stream = parked if isinstance(parked, ParkedStream) else None
    return {
        "consumer": consumer,
        "name": name_of(parked),
        "kind": _KINDS[type(parked)],
        "version": None if stream is None else stream.version or None,
        "type": None if stream is None else stream.type or None,
        "reason": f"It waits for {waits_for(parked)}.",
        "error": failure.error,
        "trace": trace_id(parked.message.properties.get("traceparent")) if isinstance(parked, ParkedAlone) else None,
        "since": time_at_rest(failure.at),
        "attempts": failure.attempts,
        "waiting": count_of(parked),
    }


_KINDS: Final[Mapping[type, Literal["stream", "session", "message"]]] = {
    ParkedStream: "stream",
    ParkedSession: "session",
    ParkedAlone: "message",
}


def _failure(parked: Parked) -> ParkedStream | Failure:
    """Returns what says why it is parked."""
    return parked if isinstance(parked, ParkedStream) else parked.failure


async def _event(services: Services, parked: ParkedStream) -> tuple[Any, object]:
    """Returns the event as it lies in the store, without what Cosmos DB has added, and its `traceparent`."""
    item = await services.waiting.event_of(parked)
    if item is None:
        return None, None
    metadata = item.get("metadata")
    traceparent = metadata.get("traceparent") if isinstance(metadata, dict) else None
    return {name: value for name, value in item.items() if not name.startswith("_")}, traceparent


async def _message(services: Services, consumer: str, parked: ParkedSession | ParkedAlone) -> tuple[Any, object]:
    messages = await services.waiting.messages_of(consumer, parked, 1)
    if not messages:
        return None, None
    return readable(messages[0].body), messages[0].properties.get("traceparent")
