"""How a read model is asked, as a value: what the route names, and what is answered from its views."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.projecting.projection import Projection

V = TypeVar("V")


def _nothing(_: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class StreamQuery(Generic[V]):
    """Answers with one view: that of the stream whose entity id is the parameter `parameter` of the route.

    `unknown` is told to whom asks for a stream that never was. `computed(view)` gives properties of the answer that no
    view holds. `at_moments`: the view is also answered as it was, folded from the stream: for streams that stay short.
    """

    projection: Projection[V]
    parameter: str
    unknown: str
    computed: Callable[[V], Mapping[str, Any]] = _nothing
    at_moments: bool = False


@dataclass(frozen=True, slots=True)
class PageQuery(Generic[V]):
    """Answers with the views of one partition, highest sort key first, in pages.

    The partition is the parameter `parameter` of the route, `items` the property of the answer that holds the views,
    and `sort_key` what every sort key of the read model looks like: a continuation is one, and a forged one is refused.
    """

    projection: Projection[V]
    parameter: str
    items: str
    sort_key: re.Pattern[str]


Query = StreamQuery[Any] | PageQuery[Any]


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A projection, and how it is asked; None for one that is not asked by a route of its own."""

    projection: Projection[Any]
    query: Query | None

    @property
    def name(self) -> str:
        return self.projection.name
