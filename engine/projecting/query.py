"""A query says, as a value, how a read model is asked: by which parameter of the route, and with which answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import Rollup
from engine.projecting.projection import Projection
from engine.storing.containers import Container

V = TypeVar("V")

AnyProjection = Projection[Any] | Rollup
"""One generation of a read model: what its events become."""


def _nothing(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class StreamQuery(Generic[V]):
    """Answers with one view: that of the stream whose entity id is the parameter `parameter` of the route.

    `unknown` is the message for a stream that has no events. `computed(view)` returns properties of the answer that are
    not stored in the view, as a typed dict, which describes them to clients. With `at_moments`, the query also answers
    for past versions and times, for which it folds the stream: that is for streams that stay short.
    """

    projection: Projection[V]
    parameter: str
    unknown: str
    computed: Callable[[V], Mapping[str, Any]] = _nothing
    at_moments: bool = False


@dataclass(frozen=True, slots=True)
class PageQuery(Generic[V]):
    """Answers with the views of one partition, highest sort key first, in pages.

    The parameter `parameter` of the route names the partition, and `items` the property of the answer that holds the
    views. `sort_key` matches every sort key of the read model, without the generation before it: a continuation is a
    sort key, and a forged one is refused.
    """

    projection: Projection[V]
    parameter: str
    items: str
    sort_key: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class MinutesQuery:
    """Answers with the sums of a rollup, by minute and series, and with their totals by series.

    The parameters `from` and `to` of the request say the span: the last hour, unless they are given, and 24 hours at
    most. `series` is the property of the answer that names the series, and `shown(series, sums)` returns the others; a
    measure to which nothing was added is not in `sums`.
    """

    projection: Rollup
    series: str
    shown: Callable[[str, Sums], Mapping[str, Any]]


Query = StreamQuery[Any] | PageQuery[Any] | MinutesQuery


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A read model has a projection, or a rollup, for each generation that this build can write, the lowest one first.

    `queries` has the query of each; it is empty if no route of its own asks the read model.
    """

    projections: tuple[AnyProjection, ...]
    queries: tuple[Query, ...] = ()

    @property
    def name(self) -> str:
        return self.projections[0].name

    @property
    def container(self) -> Container:
        """Returns the one that all generations share, with the indexes of all of them."""
        indexed = dict.fromkeys(path for each in self.projections for path in each.container.indexed)
        return Container(self.name, self.projections[0].container.partition_key, indexed=tuple(indexed))

    @property
    def generations(self) -> tuple[int, ...]:
        return tuple(each.generation for each in self.projections)
