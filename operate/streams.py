"""`operate streams` lists streams, and shows their events, their states and their sizes."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.registry import AGGREGATES
from engine.commands.loading import NEWEST
from engine.deciding.aggregate import Aggregate
from engine.errors import RequestRefused
from engine.services import Services
from engine.storing.events import time_at_rest
from engine.storing.items import item_id
from engine.storing.limits import MAX_SNAPSHOT_BYTES, MAX_STREAM_BYTES, estimated_bytes
from engine.storing.pages import insist
from engine.storing.snapshots import size_of
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed, unknown
from operate.folding import Moment, folded, state_json
from operate.messages import connected
from operate.output import print_block, print_facts, print_json, print_rows, say
from operate.progress import steps
from operate.stored_rows import print_with_payload, rows

_WHAT_THERE_IS: Final = "`operate streams list` shows what there is"


async def list_all(
    environment: Mapping[str, str], category: str | None, limit: int, continuation: str | None, *, as_json: bool
) -> None:
    """Prints a row per stream, and where to go on if there are others. Raises CommandFailed."""
    async with connected(environment) as services:
        found, place = await _streams(services, 1, category, limit, continuation)
    more = None if place is None else base64.urlsafe_b64encode(place.encode()).decode()
    print_rows(
        [{"stream": each.get("streamId"), "began": each.get("occurredAt"), "with": each.get("type")} for each in found],
        as_json=as_json,
    )
    if more is not None and as_json:
        print_json({"continuation": more})
    elif more is not None:
        say(f"there are more: --continuation {more}")
    elif not found and continuation is None:
        known = ", ".join(each.category for each in AGGREGATES)
        say("there are no streams" + ("" if category is None else f" of category {category!r}; there are {known}"))


async def show(
    environment: Mapping[str, str], stream_id: str, first: int, limit: int, *, payload: bool, as_json: bool
) -> None:
    """Prints a row per event, from version `first` on. Raises CommandFailed."""
    async with connected(environment) as services:
        store = services.queries.store
        # Strangers sort behind every version, whatever their ids.
        before = item_id(first - 1) if first > 1 else ""
        items = await insist(lambda: store.items(stream_id, before, limit + 1))
        if not items:
            raise await _nothing(services, stream_id, first)
        codec = services.queries.codec
    shown = [*rows(items[:limit], codec, payload=payload, after=first - 1)]
    if payload and not as_json:
        for row in shown:
            print_with_payload(row)
    else:
        print_rows(shown, as_json=as_json)
    if len(items) > limit:
        say(f"there are more: --from {items[limit].get('version')}")


async def state(environment: Mapping[str, str], stream_id: str, moment: Moment, *, as_json: bool) -> None:
    """Prints the state of a stream, folded from its events. Raises CommandFailed."""
    aggregate = _aggregate_of(stream_id)
    if aggregate is None:
        begin = ", ".join(each.stream_id("") for each in AGGREGATES)
        raise unknown(f"{stream_id!r} is no stream of this service, whose ids begin with {begin}")
    async with connected(environment) as services:
        with steps(stream_id, 0) as step:
            reached = await folded(
                services.queries, aggregate, stream_id, moment, lambda version: step(f"{version:,} events folded")
            )
        if reached.version < (moment.version or 1):
            raise await _nothing(services, stream_id, moment.version or 1, moment.time)
    facts = {
        "stream": stream_id,
        "version": reached.version,
        "occurredAt": time_at_rest(reached.occurred_at),
        "state": type(reached.state).__name__,
    }
    data = state_json(aggregate, reached.state)
    if as_json:
        print_json({**facts, "data": data})
    else:
        print_facts(facts)
        print_block("data", json.dumps(data, ensure_ascii=False, indent=2))


async def size(environment: Mapping[str, str], stream_id: str, *, as_json: bool) -> None:
    """Prints how large a stream and its snapshot are, beside what they may be. Raises CommandFailed."""
    async with connected(environment) as services:
        found = await _size(services, stream_id)
        if found is None:
            raise await _nothing(services, stream_id, 1)
    if as_json:
        print_json(found)
    else:
        print_facts(_in_words(found))


async def large(environment: Mapping[str, str], events: int, limit: int, *, as_json: bool) -> None:
    """Prints the sizes of the streams that have so many events, `limit` of them at most. Raises CommandFailed."""
    async with connected(environment) as services:
        found, place = await _streams(services, events, None, limit, None)
        sizes = [await _size(services, str(each["streamId"])) for each in found]
    largest = sorted((each for each in sizes if each is not None), key=lambda each: -each["bytes"])
    print_rows(largest if as_json else [_in_words(each) for each in largest], as_json=as_json)
    if not largest:
        say(f"no stream has {events:,} events")
    if place is not None:
        say(f"these are {limit} of more: give a higher --limit, or --events")


async def _streams(
    services: Services, version: int, category: str | None, limit: int, continuation: str | None
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Returns as many as there are, `limit` at most, and the place behind them if there are others."""
    found, store = list[Mapping[str, Any]](), services.queries.store
    try:
        # What the store gives has characters that a shell takes for its own.
        place = None if continuation is None else base64.b64decode(continuation, altchars=b"-_", validate=True).decode()
        while True:
            page = await store.streams(version, category, limit - len(found), place)
            found, place = [*found, *page.items], page.continuation
            if place is None or len(found) >= limit:
                return found, place
    except (RequestRefused, ValueError) as error:
        if continuation is None:
            raise
        raise CommandFailed("that continuation is none of this list: begin without it", ExitStatus.USAGE) from error


async def _nothing(services: Services, stream_id: str, version: int, time: datetime | None = None) -> CommandFailed:
    """Says what there is none of, once the primary replica has confirmed it."""
    if await services.queries.store.is_head(stream_id, 0):
        return unknown(f"there is no stream {stream_id!r}: {_WHAT_THERE_IS}")
    if time is not None:
        return unknown(f"stream {stream_id} had not begun at {time_at_rest(time)}")
    newest = await services.queries.store.newest(stream_id, 1)
    if newest and newest[-1].version < version:
        return unknown(f"stream {stream_id} has not come to version {version}: it is at {newest[-1].version}")
    return CommandFailed(f"stream {stream_id} has events that no replica shows yet: run it again")


async def _size(services: Services, stream_id: str) -> Mapping[str, Any] | None:
    newest = await services.queries.store.newest(stream_id, NEWEST)
    if not newest:
        return None
    version = newest[-1].version
    found = {"stream": stream_id, "events": version, "bytes": round(estimated_bytes(version, newest))}
    aggregate = _aggregate_of(stream_id)
    if aggregate is None or aggregate.snapshots is None:
        return found
    snapshot = await services.commands.loader.snapshots.read(stream_id, aggregate.snapshots.fold)
    if snapshot is None:
        return found
    return {**found, "snapshotVersion": snapshot.version, "snapshotBytes": size_of(snapshot)}


def _in_words(size: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the sizes for people, each with its share of what it may be."""
    shown = {**size, "bytes": _share(size["bytes"], MAX_STREAM_BYTES)}
    if "snapshotBytes" in size:
        shown["snapshotBytes"] = _share(size["snapshotBytes"], MAX_SNAPSHOT_BYTES)
    return shown


def _share(size: int, most: int) -> str:
    share = size / most
    return f"{size:,}, {share:.1%} of {most:,}" if share >= 0.001 else f"{size:,}, less than 0.1% of {most:,}"


def _aggregate_of(stream_id: str) -> Aggregate[Any, Any, Any] | None:
    """Returns what folds the stream; None for one of no category that this build knows."""
    return next((each for each in AGGREGATES if stream_id.startswith(each.stream_id(""))), None)
