"""The spans of a trace become steps: in the order in which one followed from the other, with the waits between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

BUS: Final = "bus"
SCHEDULED: Final = "scheduled"
FEED: Final = "poll of the feed"
OTHER: Final = "something else"

_CHARGE: Final = "azure.cosmosdb.operation.request_charge"
_MESSAGE: Final = "messaging.message.id"
_DUE: Final = "message.due"
_ACROSS: Final = ("consumer", "producer")
"""A span of these kinds follows from its parent, and is no part of it."""


class Wait(NamedTuple):
    milliseconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """Is a span in its place. Of `request_units`, those of its parts count too, but not of what follows from it."""

    span: Mapping[str, Any]
    depth: int
    at: float
    """So many milliseconds after the first span of the trace."""
    waited: Wait | None
    request_units: float
    stream_above: str
    """The stream of the step that this one is below of."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.span["attributes"]
        return found

    @property
    def host(self) -> str:
        return str(self.span["resource"].get("service.instance.id", "?"))

    @property
    def due(self) -> str:
        """Says when the message is delivered that this step has sent for later; empty for all others."""
        return str(self.attributes.get(_DUE, ""))


def steps(spans: Sequence[Mapping[str, Any]]) -> Sequence[Step]:
    """Returns a step per span: each behind the one that it is a part of, or follows from."""
    known = {span["spanId"]: span for span in spans}
    sent = {(span["parentSpanId"], span["attributes"].get(_MESSAGE)): span["spanId"] for span in spans if _sends(span)}
    below: dict[str | None, list[Mapping[str, Any]]] = {}
    for span in sorted(spans, key=_began):
        above = span["parentSpanId"]
        if span["kind"] == "consumer":
            # A message carries the trace of what it is about; the span that has sent it stands beside.
            above = sent.get((above, span["attributes"].get(_MESSAGE)), above)
        below.setdefault(above if above in known else None, []).append(span)
    first = min(map(_began, spans))

    def placed(span: Mapping[str, Any], above: Mapping[str, Any] | None, depth: int) -> Iterator[Step]:
        at = (_began(span) - first) / timedelta(milliseconds=1)
        waited = None if above is None else _wait(span, above)
        stream_above = "" if above is None else str(above["attributes"].get("stream.id", ""))
        yield Step(span, depth, at, waited, _request_units(span, below), stream_above)
        for each in below.get(span["spanId"], ()):
            yield from placed(each, span, depth + 1)

    return [step for root in below[None] for step in placed(root, None, 0)]


def request_units(spans: Iterable[Mapping[str, Any]]) -> float:
    """Sums what the spans themselves cost."""
    return sum(_charge(span) for span in spans)


def hosts(spans: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """Names the processes that the spans are of, in the order in which they come."""
    return list(dict.fromkeys(str(span["resource"].get("service.instance.id", "?")) for span in spans))


def _sends(span: Mapping[str, Any]) -> bool:
    return span["kind"] == "producer" and _MESSAGE in span["attributes"]


def _request_units(span: Mapping[str, Any], below: Mapping[str | None, Sequence[Mapping[str, Any]]]) -> float:
    parts = (each for each in below.get(span["spanId"], ()) if each["kind"] not in _ACROSS)
    return _charge(span) + sum(_request_units(each, below) for each in parts)


def _charge(span: Mapping[str, Any]) -> float:
    return float(span["attributes"].get(_CHARGE, 0.0))


def _wait(span: Mapping[str, Any], above: Mapping[str, Any]) -> Wait | None:
    gap = (_began(span) - _began(above)) / timedelta(milliseconds=1) - above["durationMs"]
    return Wait(gap, _reason(span, above)) if gap > 0 else None


def _reason(span: Mapping[str, Any], above: Mapping[str, Any]) -> str:
    if span["kind"] not in _ACROSS:
        return OTHER
    if span["kind"] == "producer" or _MESSAGE not in span["attributes"]:
        return FEED
    return SCHEDULED if _DUE in above["attributes"] else BUS


def _began(span: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(span["begin"])
