"""What is parked is shown in the same way, whether it is a stream of the feed, or a session or message of the bus."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from engine.clock import utc_now
from engine.consuming.parked.port import Failure, ParkedAlone, ParkedSession
from engine.consuming.parked_streams.port import ParkedStream
from operate.output import print_block, print_facts, print_json

_AN_OPERATOR: Final = "an operator"
_A_NEWER_BUILD: Final = "a newer build"

Parked = ParkedSession | ParkedAlone | ParkedStream


def name_of(parked: Parked) -> str:
    """Returns the name that the commands take, within its consumer."""
    match parked:
        case ParkedStream():
            return parked.stream_id
        case ParkedSession():
            return parked.session_id
        case ParkedAlone():
            return parked.key


def row(consumer: str, parked: Parked) -> Mapping[str, Any]:
    """Returns what the list says of it, for scripts."""
    match parked:
        case ParkedStream():
            return {"consumer": consumer, "stream": parked.stream_id, **_of_stream(parked)}
        case ParkedSession():
            waits = {"session": parked.session_id, "waiting": parked.waiting}
            return {"consumer": consumer, **waits, **brief(parked.failure)}
        case ParkedAlone():
            return {"consumer": consumer, "alone": parked.key, **brief(parked.failure)}


def in_one_table(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the same columns for everything that is parked, for people."""
    event = f"{row['version'] or '?'} {row['type']}" if "version" in row else None
    return {
        "consumer": row["consumer"],
        "name": row.get("stream") or row.get("session") or row["alone"],
        "event": event,
        "waiting": row.get("waiting", 1),
        "waitsFor": row["waitsFor"],
        "error": row["error"],
        "attempts": row["attempts"],
        "age": str(timedelta(seconds=row["ageSeconds"])),
    }


def brief(failure: Failure) -> Mapping[str, Any]:
    waits_for = _AN_OPERATOR if failure.newer is None else _A_NEWER_BUILD
    return _failed(waits_for, failure.error, failure.attempts, failure.at)


def print_stream(consumer: str, parked: ParkedStream, *, as_json: bool) -> None:
    """Prints why a stream is parked, and which of its events wait."""
    facts = {"consumer": consumer, "name": parked.stream_id, **_of_stream(parked)}
    if as_json:
        print_json({**facts, "trace": parked.trace})
        return
    print_facts(facts)
    print_block("trace", parked.trace)


def _of_stream(parked: ParkedStream) -> Mapping[str, Any]:
    waits_for = {"failed": _AN_OPERATOR, "newer": _A_NEWER_BUILD, "gap": "a missing event"}[parked.why]
    if parked.automatic:
        waits_for = "a build without the defect"
    return {
        "version": parked.version,
        "type": parked.type,
        "first": parked.first,
        "seen": parked.seen,
        "waiting": max(parked.seen - parked.first + 1, 1),
        **_failed(waits_for, parked.error, parked.attempts, parked.at),
    }


def _failed(waits_for: str, error: str, attempts: int, at: datetime) -> Mapping[str, Any]:
    age = int((utc_now() - at).total_seconds())
    return {"waitsFor": waits_for, "error": error, "attempts": attempts, "at": at.isoformat(), "ageSeconds": age}
