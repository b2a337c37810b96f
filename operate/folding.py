"""The state of a stream, now or in the past, is folded from its events."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import click

from engine.commands.stream_state import StreamState
from engine.deciding.aggregate import Aggregate
from engine.projecting.queries import Queries
from engine.storing.pages import pages
from engine.storing.port import PAGE


@dataclass(frozen=True, slots=True)
class Moment:
    """Names the state at a version, or as of a time, or with neither the newest one."""

    version: int | None = None
    time: datetime | None = None

    @classmethod
    def of(cls, version: int | None, time: datetime | None) -> Self:
        """Returns what the options of a command ask for. Raises UsageError for both of them."""
        if version is not None and time is not None:
            raise click.UsageError("--at-version and --as-of exclude each other")
        return cls(version, time)


async def folded(
    queries: Queries,
    aggregate: Aggregate[Any, Any, Any],
    stream_id: str,
    moment: Moment,
    report: Callable[[int], None] = lambda _: None,
) -> StreamState[Any]:
    """Returns the state of the stream at the moment, or where it ended before that; version 0: it had not begun.

    `report` is told the version that is reached with each full page. Raises as `EventStore.read` and
    `EventCodec.event_of` do.
    """
    state = StreamState(aggregate.decider.initial)
    async for page in pages(queries.store, stream_id, 0, moment.version):
        shown = [each for each in page if moment.time is None or each.metadata.occurred_at <= moment.time]
        state = await state.then(aggregate, queries.codec, shown)
        if len(shown) < len(page):
            break
        if len(page) == PAGE:
            report(state.version)
    return state


def state_json(aggregate: Aggregate[Any, Any, Any], state: Any) -> Any:
    """Returns the fields of a state under the names that the rules have for them."""
    if aggregate.snapshots is not None:
        return aggregate.snapshots.to_data(state)
    return json.loads(json.dumps(asdict(state), default=_plain))


def _plain(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, frozenset) else repr(value)
