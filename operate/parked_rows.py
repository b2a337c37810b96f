"""What is parked is shown in the same way, whether it is a stream of the feed, or a session or message of the bus."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.clock import utc_now
from engine.consuming.parked.port import ParkedAlone, ParkedSession
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.waiting import Parked, count_of, waits_for
from engine.storing.events import time_at_rest
from operate.output import print_block, print_facts, print_json


def row(consumer: str, parked: Parked) -> Mapping[str, Any]:
    """Returns what the list says of it, for scripts."""
    match parked:
        case ParkedStream():
            return {"consumer": consumer, "stream": parked.stream_id, **_of_stream(parked)}
        case ParkedSession():
            waits = {"session": parked.session_id, "waiting": parked.waiting}
            return {"consumer": consumer, **waits, **brief(parked)}
        case ParkedAlone():
            return {"consumer": consumer, "alone": parked.key, **brief(parked)}


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


def brief(parked: Parked) -> Mapping[str, Any]:
    """Returns why it is parked, and since when."""
    why = parked if isinstance(parked, ParkedStream) else parked.failure
    age = int((utc_now() - why.at).total_seconds())
    return {
        "waitsFor": waits_for(parked),
        "error": why.error,
        "attempts": why.attempts,
        "at": time_at_rest(why.at),
        "ageSeconds": age,
    }


def print_stream(consumer: str, parked: ParkedStream, *, as_json: bool) -> None:
    """Prints why a stream is parked, and which of its events wait."""
    facts = {"consumer": consumer, "name": parked.stream_id, **_of_stream(parked)}
    if as_json:
        print_json({**facts, "trace": parked.trace})
        return
    print_facts(facts)
    print_block("trace", parked.trace)


def _of_stream(parked: ParkedStream) -> Mapping[str, Any]:
    return {
        "version": parked.version,
        "type": parked.type,
        "first": parked.first,
        "seen": parked.seen,
        "waiting": count_of(parked),
        **brief(parked),
    }
