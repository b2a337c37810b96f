"""`operate projections` says which generations there are and how far behind; it makes, switches and drops them."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from composition.domain import READ_MODELS
from engine.clock import utc_now
from engine.consuming.feed.port import EventFeed
from engine.consuming.lag import PartitionLag
from engine.projecting.generations.known import projection_of
from engine.projecting.generations.port import Build, GenerationRefused, MissingGeneration
from engine.projecting.generations.rebuild import Progress, Rebuild
from engine.projecting.generations.switching import Switching
from engine.projecting.query import ReadModel
from engine.reacting.followers import followers
from engine.reacting.relay import CONSUMER
from engine.services import Services
from engine.storing.budget import Budget
from engine.storing.errors import FeedReset
from engine.storing.throughput import Background
from operate.failure import CommandFailed, unknown
from operate.messages import connected
from operate.output import print_rows, say
from operate.progress import steps


async def status(environment: Mapping[str, str], *, as_json: bool) -> None:
    """Prints a row per generation of each read model, and one per follower of the feed and partition.

    Raises CommandFailed.
    """
    async with connected(environment) as services:
        generations = await _generation_rows(services)
        lags = await services.lags.of(followers(READ_MODELS), utc_now())
    print_rows(generations, as_json=as_json)
    if not as_json:
        print()
    rows = [_lag_row(lag) for lag in lags]
    print_rows(rows if as_json else [_for_people(row) for row in rows], as_json=as_json)


async def _generation_rows(services: Services) -> Sequence[Mapping[str, Any]]:
    """Returns a row per generation of each read model, and one of the relay: it has none, but parks streams too."""
    found = list[Mapping[str, Any]]()
    for each in READ_MODELS:
        now = await services.generations.looked_at(each)
        states = {generation: "serves" if generation == now.serving else "whole" for generation in now.written}
        if now.build is not None:
            states[now.build.generation] = f"being built: {_walked(services.lags.feed, now.build)} of the feed"
        if now.dropped is not None:
            states[now.dropped] = "being dropped"
        for generation, state in sorted(states.items()):
            parked = await _parked_count(services, f"{each.name}@{generation}")
            found.append(_row(each.name, generation, state, written=generation in now.written, parked=parked))
    parked = await _parked_count(services, CONSUMER)
    return [*found, _row(CONSUMER, None, None, written=None, parked=parked)]


async def rebuild(
    environment: Mapping[str, str],
    name: str,
    to: int | None,
    *,
    ru_per_second: int,
    throughput_bucket: int | None,
    as_json: bool,
) -> None:
    """Fills a new generation, the newest of this build unless `to` says another one. Raises CommandFailed."""
    read_model = _read_model(name)
    generation = read_model.generations[-1] if to is None else to
    budget = Budget(ru_per_second, time.monotonic, asyncio.sleep)
    began = time.monotonic()
    events = 0
    with steps(f"{name}@{generation}", 0) as step:
        tell = _teller(step)

        def report(progress: Progress) -> None:
            nonlocal events
            events = progress.events
            tell(progress)

        async with _changing(environment, Background(budget.charge, throughput_bucket)) as services:
            try:
                projection = projection_of(read_model, generation)
            except MissingGeneration:
                has = ", ".join(map(str, read_model.generations))
                raise unknown(f"this build has no generation {generation} of {name}, but {has}") from None
            building = Rebuild(
                feed=services.lags.feed,
                store=services.generations.store,
                runner=services.feeding.runner,
                sleep=asyncio.sleep,
                new_id=lambda: str(uuid.uuid4()),
                room=budget.room,
                report=report,
            )
            try:
                await building.run(read_model, services.feeding.walker(projection), generation)
            except FeedReset as error:
                raise CommandFailed(f"{error}; drop generation {generation} of {name}, and begin again") from error
    seconds = round(time.monotonic() - began, 1)
    print_rows(
        [{"readModel": name, "generation": generation, "state": "whole", "events": events, "seconds": seconds}],
        as_json=as_json,
    )
    say(f"it is written from now on: `operate projections flip {name}` makes it serve")


async def flip(environment: Mapping[str, str], name: str, to: int | None, *, with_parked: bool, as_json: bool) -> None:
    """Makes another generation answer the queries. Raises CommandFailed."""
    async with _changing(environment) as services:
        now = await _switching(services).flip(_read_model(name), to, with_parked=with_parked)
    print_rows([{"readModel": name, "serves": now.serving, "written": list(now.written)}], as_json=as_json)


async def drop(environment: Mapping[str, str], name: str, generation: int, *, as_json: bool) -> None:
    """Ends the writing of a generation, and deletes its documents. Raises CommandFailed."""
    read_model = _read_model(name)
    async with _changing(environment) as services:
        with steps(f"{name}@{generation}", 0) as step:
            deleted = await _switching(services).drop(
                read_model, generation, lambda count: step(f"{count:,} documents deleted")
            )
    print_rows([{"readModel": name, "generation": generation, "deleted": deleted}], as_json=as_json)


@asynccontextmanager
async def _changing(environment: Mapping[str, str], background: Background | None = None) -> AsyncIterator[Services]:
    try:
        async with connected(environment, changes=True, background=background) as services:
            yield services
    except GenerationRefused as refused:
        raise CommandFailed(str(refused)) from refused


def _switching(services: Services) -> Switching:
    return Switching(
        services.generations.store,
        services.projector.views,
        services.counter.rollups,
        services.parked_streams,
        utc_now,
        asyncio.sleep,
    )


def _read_model(name: str) -> ReadModel:
    for each in READ_MODELS:
        if each.name == name:
            return each
    there = ", ".join(each.name for each in READ_MODELS)
    raise unknown(f"there is no read model {name!r}; there are {there}")


def _row(
    consumer: str, generation: int | None, state: str | None, *, written: bool | None, parked: int
) -> Mapping[str, Any]:
    return {"consumer": consumer, "generation": generation, "state": state, "written": written, "parked": parked}


async def _parked_count(services: Services, consumer: str) -> int:
    return len((await services.parked_streams.index(consumer)).stream_ids)


def _walked(feed: EventFeed, build: Build) -> str:
    done = sum(feed.transactions(each.position) for each in build.ranges)
    return _share(done, sum(feed.transactions(each.head) for each in build.ranges))


def _lag_row(lag: PartitionLag) -> Mapping[str, Any]:
    return {
        "consumer": lag.consumer,
        "partition": lag.partition,
        "lease": lag.state,
        "documents": lag.documents,
        "seconds": _rounded(lag.seconds),
        "owner": lag.owner,
        "leaseAge": _rounded(lag.age),
    }


def _for_people(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what tells one host from another: all of its id would not fit beside the rest."""
    return {**row, "owner": None if row["owner"] is None else row["owner"][:8]}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _teller(step: Callable[[str], None]) -> Callable[[Progress], None]:
    """Adds the rate and the remaining time of this run, from the first report on."""
    first: tuple[float, Progress] | None = None

    def tell(progress: Progress) -> None:
        nonlocal first
        now = time.monotonic()
        first = first or (now, progress)
        seconds, events = now - first[0], progress.events - first[1].events
        said = f"{progress.phase}, {progress.events:,} events, {_share(progress.done, progress.total)} of the feed"
        if seconds and events and progress.done > first[1].done:
            left = (progress.total - progress.done) * seconds / (progress.done - first[1].done)
            said += f", {events / seconds:,.0f} events a second, {_time(left)} left"
        step(said)

    return tell


def _share(done: int, total: int) -> str:
    return f"{min(done / total, 1.0) if total else 1.0:.0%}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
