"""Finds the candidates of a query in the order of (EPK, partition key, id), as of a snapshot, in small steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from emulators.cosmos.container import Container
from emulators.cosmos.items import ItemKey, StoredItem
from emulators.cosmos.partition_keys import END_EPK, FIRST_EPK, PartitionKey
from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.bounds import Bounds, alternatives

_MOST_SPANS: Final = 5_000


@dataclass(frozen=True)
class Span:
    """A stretch of keys: one partition key or an EPK range, and within it an interval of ids."""

    low: str = FIRST_EPK
    high: str = END_EPK
    partition_key: str | None = None
    first_id: str | None = None
    first_included: bool = True
    last_id: str | None = None
    last_included: bool = True

    def holds(self, item: StoredItem) -> bool:
        if self.partition_key is not None:
            if (item.epk, item.partition_key) != (self.low, self.partition_key):
                return False
        elif not self.low <= item.epk < self.high:
            return False
        return self._admits(item.id)

    def covers(self, point: Span) -> bool:
        """Whether the one id of `point` is in this span, which is of a partition key too."""
        same_partition = (self.low, self.partition_key) == (point.low, point.partition_key)
        return same_partition and self._admits(str(point.first_id))

    def meets(self, following: Span) -> bool:
        """Whether an id may be in both, of which `following` begins later."""
        if self.last_id is None or following.first_id is None:
            return True
        both = self.last_included and following.first_included
        return self.last_id > following.first_id or (self.last_id == following.first_id and both)

    def _admits(self, item_id: str) -> bool:
        if self.first_id is not None and (
            item_id < self.first_id or (item_id == self.first_id and not self.first_included)
        ):
            return False
        return self.last_id is None or not (
            item_id > self.last_id or (item_id == self.last_id and not self.last_included)
        )

    def sql(self, after: ItemKey | None, *, descending: bool) -> tuple[list[str], list[Any]]:
        """Conditions and their arguments for the keys of the span beyond one key."""
        conditions: list[str] = []
        arguments: list[Any] = []

        def add(condition: str, *values: Any) -> None:
            conditions.append(condition)
            arguments.extend(values)

        beyond = "<" if descending else ">"
        if self.partition_key is not None:
            add("epk = ? AND partition_key = ?", self.low, self.partition_key)
            if after is not None and after[:2] == (self.low, self.partition_key):
                add(f"id {beyond} ?", after[2])
        else:
            # One lower and one upper limit of the index: SQLite would begin at the wrong one of two.
            if after is not None:
                add(f"(epk, partition_key, id) {beyond} (?, ?, ?)", *after)
            if after is None or descending:
                add("epk >= ?", self.low)
            if after is None or not descending:
                add("epk < ?", self.high)
        if self.first_id is not None:
            add("id >= ?" if self.first_included else "id > ?", self.first_id)
        if self.last_id is not None:
            add("id <= ?" if self.last_included else "id < ?", self.last_id)
        return conditions, arguments


@dataclass(frozen=True)
class Reach:
    """What the headers of a request address: a partition key, a prefix of one, or a range of EPKs."""

    low: str = FIRST_EPK
    high: str = END_EPK
    key: PartitionKey | None = None


def spans_of(
    query: ast.Query | None, parameters: Mapping[str, Any], container: Container, reach: Reach, snapshot_lsn: int
) -> list[Span]:
    """Disjoint spans, in order, that hold everything the query can find as of a snapshot."""
    whole = Span(reach.low, reach.high, reach.key.text if reach.key else None)
    if query is None:
        return [whole]
    found: set[Span] = set()
    points: set[Span] = set()
    for bounds in alternatives(query, parameters):
        key = reach.key or _key_of(bounds, container)
        if key is None:
            around = whole
        elif reach.key is None and not reach.low <= key.epk < reach.high:
            continue
        else:
            around = Span(key.epk, key.epk, key.text)
        ids = _ids_of_prefixes(around, bounds, container, snapshot_lsn)
        if ids is None:
            found.update(_spans(around, bounds))
        else:
            points.update(_point(around, item_id) for item_id in ids)
        if len(found) + len(points) > _MOST_SPANS:
            return [whole]
    found.update(point for point in points if not any(span.covers(point) for span in found))
    spans = sorted(
        found, key=lambda span: (span.low, span.partition_key or "", span.first_id or "", not span.first_included)
    )
    return spans if _disjoint(spans) else [whole]


def _key_of(bounds: Bounds, container: Container) -> PartitionKey | None:
    components = bounds.key(container.partition_key.paths)
    return container.partition_key.of_value(*components) if components is not None else None


def _ids_of_prefixes(around: Span, bounds: Bounds, container: Container, snapshot_lsn: int) -> set[str] | None:
    """The ids that the index of a unique key tells, where the filter asks for values by what they start with."""
    if around.partition_key is None:
        return None
    for path, prefix in bounds.prefixes:
        ids = container.unique_keys.ids_of_prefix(around.partition_key, path, prefix, container.items)
        if ids is not None:
            # The index is that of now: what has been replaced since the snapshot may have had such a value.
            past = container.history.before(snapshot_lsn).values()
            return ids | {item.id for item in past if item is not None and item.partition_key == around.partition_key}
    return None


def _point(around: Span, item_id: str) -> Span:
    return Span(around.low, around.high, around.partition_key, item_id, True, item_id, True)


def _spans(around: Span, bounds: Bounds) -> list[Span]:
    if bounds.ids is not None:
        return [_point(around, item_id) for item_id in bounds.ids]
    first, first_included = bounds.low or (None, True)
    last, last_included = bounds.high or (None, True)
    return [Span(around.low, around.high, around.partition_key, first, first_included, last, last_included)]


def _disjoint(spans: list[Span]) -> bool:
    """Whether each span ends before the next begins, so that reading them in turn keeps the order of keys."""
    for span, following in pairwise(spans):
        if span.partition_key is None or following.partition_key is None:
            return False
        if (span.low, span.partition_key) == (following.low, following.partition_key) and span.meets(following):
            return False
    return True


class Scan:
    """Reads candidates step by step; between two steps the container may change, as between two pages."""

    def __init__(
        self, container: Container, spans: list[Span], snapshot_lsn: int, now: float, *, descending: bool = False
    ) -> None:
        self.container = container
        self._spans = spans[::-1] if descending else spans
        self._lsn = snapshot_lsn
        self._now = now
        self._descending = descending
        self._order = "epk DESC, partition_key DESC, id DESC" if descending else "epk, partition_key, id"

    def count(self) -> int | None:
        """How many items there are, without reading them; None where some of them may not be those of the snapshot."""
        if self.container.history.before(self._lsn):
            return None
        total = 0
        for span in self._spans:
            conditions, arguments = span.sql(None, descending=False)
            if self.container.default_ttl is not None:
                conditions.append("(expires IS NULL OR expires > ?)")
                arguments.append(self._now)
            total += self.container.items.count(" AND ".join(conditions), arguments)
        return total

    def step(self, after: ItemKey | None, limit: int) -> tuple[list[StoredItem], ItemKey | None]:
        """The next candidates after a key, about `limit` of them, and where to go on, None at the end."""
        found: list[StoredItem] = []
        for position, span in enumerate(self._spans):
            if after is not None and self._passed(span, after):
                continue
            items, resume = self._read(span, after, limit)
            found += items
            if resume is not None:
                return found, resume
            if len(found) >= limit and position < len(self._spans) - 1:
                return found, found[-1].key
        return found, None

    def _passed(self, span: Span, after: ItemKey) -> bool:
        if span.partition_key is None:
            return False
        here, there = (span.low, span.partition_key), after[:2]
        return here > there if self._descending else here < there

    def _read(self, span: Span, after: ItemKey | None, limit: int) -> tuple[list[StoredItem], ItemKey | None]:
        conditions, arguments = span.sql(after, descending=self._descending)
        rows = self.container.items.select(" AND ".join(conditions), arguments, self._order, limit)
        end = rows[-1].key if len(rows) == limit else None
        if overlay := self.container.history.before(self._lsn):
            past = [
                item
                for item in overlay.values()
                if item is not None and span.holds(item) and self._between(item.key, after, end)
            ]
            rows = sorted(
                [row for row in rows if row.key not in overlay] + past,
                key=lambda item: item.key,
                reverse=self._descending,
            )
        return [row for row in rows if row.alive(self._now)], end

    def _between(self, key: ItemKey, after: ItemKey | None, end: ItemKey | None) -> bool:
        if self._descending:
            return (after is None or key < after) and (end is None or key >= end)
        return (after is None or key > after) and (end is None or key <= end)
