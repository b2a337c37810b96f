"""The events of a stream are folded once, and each of its views is compared where it stands: at its own position."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.deciding.process import Process
from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import Rollup
from engine.projecting.projection import Projection
from engine.projecting.query import AnyProjection
from engine.storing.codec import EventCodec
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import RecordedEvent
from engine.storing.items import from_item
from engine.storing.limits import MAX_STREAM_BYTES
from engine.verifying.findings import Finding, Found, Kind
from engine.verifying.spill import Spill

LARGE_FROM: Final = 0.8
MANY_EVENTS: Final = 1_000_000

Document = Mapping[str, Any]


@dataclass(slots=True)
class ViewFold:
    """Follows a stream for one read model. `documents` are its views by partition; there should be one."""

    projection: Projection[Any]
    documents: Mapping[str, Document]
    found: Found
    view: Any = None
    key: Any = None
    stopped: bool = False
    next_written: int | None = None
    """When the first event that the view has not seen was written."""

    @property
    def position(self) -> int:
        return 0 if self.key is None else _position(self.documents.get(self.key.partition, {}))

    def apply(self, event: RecordedEvent[Any], written: int) -> None:
        if self.key is None:
            self.key = self.projection.key(event)
        position = self.position
        if event.version == position + 1:
            self.next_written = written
        if self.stopped:
            return
        try:
            self.view = self.projection.project(self.view, event)
        except Exception as error:  # noqa: BLE001 - every error of a projection comes from what the events say
            self.stopped = True
            self._tell("does-not-apply", event.stream_id, f"event {event.version} does not apply: {error!r}")
            return
        if event.version == position:
            self._compare(event.stream_id, self.documents[self.key.partition])

    def end(self, stream_id: str, last: int, handled_before: float | None) -> None:
        """Tells what is wrong with where the view stands. `last` is the version of the stream.

        What was written before `handled_before`, in seconds since 1970, the consumer has handled.
        """
        if self.key is None:
            return
        for partition in self.documents:
            if partition != self.key.partition:
                text = f"a view stands under {partition!r}, where the events say {self.key.partition!r}"
                self._tell("view-elsewhere", stream_id, text)
        if self.position > last:
            self._tell("view-ahead", stream_id, f"the view has seen version {self.position} of {last}")
        if self.next_written is not None and handled_before is not None and self.next_written < handled_before:
            has = f"the view has seen version {self.position} of {last}" if self.position else "there is no view"
            self._tell("view-behind", stream_id, f"{has}, and the consumer has gone past event {self.position + 1}")

    def _compare(self, stream_id: str, stored: Document) -> None:
        if stored.get("outdatedFor"):
            # A build that knows less has written it: the next event, or query, has it folded anew.
            return
        if self.projection.from_document(stored) is None:
            self._tell("view-differs", stream_id, f"the view at version {self.position} cannot be read")
            return
        expected = self.projection.to_document(self.key, self.position, self.view, stored)
        expected = json.loads(json.dumps(expected))
        names = [name for name in expected if name not in _BESIDE and expected[name] != stored.get(name)]
        if names == ["view"]:
            kept = stored["view"]
            names = [name for name, value in expected["view"].items() if name not in kept or kept[name] != value]
        if names:
            text = f"the view at version {self.position} has another {', '.join(names)} than the events say"
            self._tell("view-differs", stream_id, text)

    def _tell(self, kind: Kind, stream_id: str, text: str) -> None:
        self.found(Finding(kind, text, stream_id, self.projection.consumer))


@dataclass(slots=True)
class SumFold:
    """Follows a stream for one rollup: what each event adds is noted, and those that are not counted are told.

    `counted(consumer, stream, version, bucket, added)` notes what is added where the event has a marker, and returns
    whether it has.
    """

    projection: Rollup
    counted: Callable[[str, str, int, str, Sums | None], bool]
    found: Found
    first: RecordedEvent[Any] | None = None
    uncounted: list[tuple[int, int]] = field(default_factory=list)
    """Holds their versions, and when they were written."""

    def apply(self, event: RecordedEvent[Any], written: int) -> None:
        if event.version == 1:
            self.first = event
        first = self.first if isinstance(event.event, self.projection.with_first) else None
        consumer = self.projection.consumer
        bucket = self.projection.bucket_of(event)
        try:
            added = self.projection.added_by(event, first)
        except Exception as error:  # noqa: BLE001 - every error of a rollup comes from what the events say
            text = f"event {event.version} does not count: {error!r}"
            self.found(Finding("does-not-apply", text, event.stream_id, consumer))
            self.counted(consumer, event.stream_id, event.version, bucket, None)
            return
        if added and not self.counted(consumer, event.stream_id, event.version, bucket, added):
            self.uncounted.append((event.version, written))

    def end(self, stream_id: str, last: int, handled_before: float | None) -> None:
        """Tells of events that the consumer has gone past, which have no marker."""
        passed = [version for version, written in self.uncounted if written < (handled_before or 0)]
        if passed:
            text = f"{len(passed)} of {last} events are not counted, the first is event {passed[0]}"
            self.found(Finding("view-behind", text, stream_id, self.projection.consumer))


Fold = ViewFold | SumFold

_BESIDE: Final = frozenset({"writer", "outdatedFor"})


@dataclass(slots=True)
class StreamFold:
    """Follows a stream of events, with the folds of its read models and, of a process, of its state."""

    stream_id: str
    codec: EventCodec
    folds: Sequence[Fold]
    process: Process[Any, Any, Any] | None
    found: Found
    version: int = 0
    size: int = 0
    written: int = 0
    broken: bool = False
    state: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.process is not None:
            self.state = self.process.aggregate.decider.initial

    def apply(self, version: int, written: int, item: str) -> None:
        """Takes the next event. Nothing is folded behind one that cannot be read."""
        self.version, self.written = version, written
        self.size += len(item)
        if self.broken:
            return
        try:
            event = self.codec.decode(from_item(json.loads(item)))
        except (NewerEvent, UndecodableEvent) as error:
            self.broken = True
            kind: Kind = "newer" if isinstance(error, NewerEvent) else "undecodable"
            self.found(Finding(kind, str(error), self.stream_id))
            return
        for fold in self.folds:
            fold.apply(event, written)
        if self.process is not None:
            self.state = self.process.aggregate.decider.evolve(self.state, event.event)

    def gap(self, first: int, last: int) -> None:
        """Tells that versions are missing, behind which nothing can be folded."""
        self.broken = True
        events = f"event {first} is" if first == last else f"events {first} to {last} are"
        self.found(Finding("gap", f"{events} missing", self.stream_id))

    def end(self, handled_before: Mapping[str, float], unended_before: float) -> None:
        """Tells what is wrong with the whole; times are in seconds since 1970, `handled_before` by consumer."""
        if not self.broken:
            for fold in self.folds:
                fold.end(self.stream_id, self.version, handled_before.get(fold.projection.consumer))
        if self.size >= LARGE_FROM * MAX_STREAM_BYTES or self.version >= LARGE_FROM * MANY_EVENTS:
            text = f"{self.version} events with some {self.size / 1024**3:.2f} GB, of 20 GB and {MANY_EVENTS} events"
            self.found(Finding("large", text, self.stream_id))
        ended = None if self.process is None else self.process.ended
        if ended is not None and not self.broken and self.written < unended_before and not ended(self.state):
            self.found(Finding("process-unended", f"nothing has happened since version {self.version}", self.stream_id))


def _position(document: Document) -> int:
    position = document.get("position")
    return position if type(position) is int else 0


def folds_of(
    projections: Iterable[AnyProjection], views: Iterable[tuple[str, str, Document]], spill: Spill, found: Found
) -> Sequence[Fold]:
    """Returns a fold for each of these; `views` are what is stored of the stream."""
    stored: dict[str, dict[str, Document]] = {}
    for consumer, partition, document in views:
        stored.setdefault(consumer, {})[partition] = document
    return [
        SumFold(each, spill.count_marked, found)
        if isinstance(each, Rollup)
        else ViewFold(each, stored.get(each.consumer, {}), found)
        for each in projections
    ]
