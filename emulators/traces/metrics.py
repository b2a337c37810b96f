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
    """One point per name, resource and attributes; beyond `size` bytes, the series that got none for longest goes."""

    def __init__(self, size: int = 16_000_000) -> None:
        self._limit = size
        self._size = 0
        self._series: dict[str, tuple[Series, int]] = {}

    def add(self, series: Sequence[Series]) -> None:
        for each in series:
            key = json.dumps([each["name"], each["resource"], each["attributes"]], sort_keys=True)
            self._remove(key)
            size = len(json.dumps(each))
            self._series[key] = each, size
            self._size += size
        while self._size > self._limit:
            self._remove(next(iter(self._series)))

    def _remove(self, key: str) -> None:
        if key in self._series:
            self._size -= self._series.pop(key)[1]

    def newest(self) -> Sequence[Series]:
        return sorted((each for each, _ in self._series.values()), key=lambda each: str(each["name"]))
