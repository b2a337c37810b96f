"""The newest point of each series of metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from emulators.traces.fields import Message

_KINDS: Final = ("sum", "gauge", "histogram", "exponentialHistogram", "summary")

Series = Mapping[str, Any]


def series_of(request: Message) -> Iterator[Series]:
    """The points of an ExportMetricsServiceRequest, as they are shown. Raises MalformedError."""
    for of_resource in request.messages("resourceMetrics"):
        resource = of_resource.message("resource").attributes()
        for of_scope in of_resource.messages("scopeMetrics"):
            for metric in of_scope.messages("metrics"):
                named = {"name": metric.text("name"), "unit": metric.text("unit")}
                for kind in filter(metric.has, _KINDS):
                    for point in metric.message(kind).messages("dataPoints"):
                        about = {**named, "kind": kind, "resource": resource, "attributes": point.attributes()}
                        yield {**about, **_measured(point)}


def _measured(point: Message) -> Mapping[str, Any]:
    if point.has("asInt"):
        return {"value": point.integer("asInt")}
    if point.has("asDouble"):
        return {"value": point.number("asDouble")}
    found: dict[str, Any] = {"count": point.integer("count")}
    found |= {name: point.number(name) for name in ("sum", "min", "max") if point.has(name)}
    if point.has("bucketCounts"):
        found |= {"bounds": point.numbers("explicitBounds"), "buckets": point.integers("bucketCounts")}
    return found


class Metrics:
    """One point per name, resource and attributes; beyond the limit, the series that got none for longest goes."""

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._series: dict[str, Series] = {}

    def add(self, series: Sequence[Series]) -> None:
        for each in series:
            key = json.dumps([each["name"], each["resource"], each["attributes"]], sort_keys=True)
            self._series.pop(key, None)
            self._series[key] = each
        while len(self._series) > self._limit:
            del self._series[next(iter(self._series))]

    def newest(self) -> Sequence[Series]:
        return sorted(self._series.values(), key=lambda each: str(each["name"]))
