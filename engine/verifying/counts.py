"""The sums of a rollup are compared bucket by bucket: a counter with the events that its bucket has markers of.

A counter is changed in the transaction of each marker. So a counter that was written by transaction n has counted the
markers of its bucket up to transaction n, and no others, whatever is counted while the feed is read.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.projecting.counting.documents import sums_of
from engine.projecting.counting.rollup import Rollup, marker_of
from engine.storing.events import RecordedEvent
from engine.verifying.findings import Finding, Found
from engine.verifying.spill import Spill
from engine.verifying.walk import Items

_NAMED: Final = 5


@dataclass(slots=True)
class CountCheck:
    """Compares one rollup. Buckets with markers of a stream that cannot be folded are left out."""

    rollup: Rollup
    spill: Spill
    found: Found
    _left_out: set[str] = field(default_factory=set)

    def keep(self, items: Items) -> None:
        """Keeps the counters and markers of this generation."""
        ours = [item for item in items if str(item.get("bucket")).partition("~")[0] == str(self.rollup.generation)]
        counters = [item for item in ours if item["id"] == item["bucket"]]
        self.spill.keep_counters((self.rollup.consumer, item["bucket"], item["_lsn"], item) for item in counters)
        self.spill.keep_markers(
            (self.rollup.consumer, item["id"], item["bucket"], item["_lsn"])
            for item in ours
            if item["id"] != item["bucket"]
        )

    def fold(self, stream_id: str) -> "CountFold":
        return CountFold(self, self.spill.markers(self.rollup.consumer, stream_id))

    def leave_out(self, bucket: str) -> None:
        self._left_out.add(bucket)

    def end(self) -> None:
        """Tells of the counters that do not say what their markers say, once all streams are folded."""
        for bucket, counter, expected in self.spill.counters(self.rollup.consumer):
            if bucket in self._left_out:
                continue
            try:
                differing = Counter(sums_of(counter))
            except (KeyError, TypeError, ValueError, AttributeError):
                self._tell(f"the counter of bucket {bucket} cannot be read")
                continue
            differing.subtract(expected)
            keys = sorted(key for key, amount in differing.items() if amount)
            if keys:
                more = ", …" if len(keys) > _NAMED else ""
                named = ", ".join(f"{key} by {differing[key]}" for key in keys[:_NAMED])
                self._tell(f"bucket {bucket} differs from its events in {named}{more}")

    def _tell(self, text: str) -> None:
        self.found(Finding("view-differs", text, consumer=self.rollup.consumer))


@dataclass(slots=True)
class CountFold:
    """Follows a stream for one rollup; `markers` are its own, by their ids: bucket and number of the transaction."""

    check: CountCheck
    markers: Mapping[str, tuple[str, int]]
    first: RecordedEvent[object] | None = None
    last: int = 0
    uncounted: tuple[int, int] | None = None
    """The first event that should count and has no marker, and when it was written."""

    @property
    def name(self) -> str:
        return self.check.rollup.name

    def apply(self, event: RecordedEvent[object], written: int) -> None:
        rollup = self.check.rollup
        self.first = self.first or event
        self.last = event.version
        try:
            added = rollup.added_by(event, self.first if isinstance(event.event, rollup.with_first) else None)
        except Exception as error:  # noqa: BLE001 - every error of a rollup comes from what the events say
            text = f"event {event.version} does not count: {error!r}"
            self.check.found(Finding("does-not-apply", text, event.stream_id, rollup.consumer))
            return
        marker = self.markers.get(marker_of(event))
        if not added:
            return
        if marker is None:
            self.uncounted = self.uncounted or (event.version, written)
            return
        self.check.spill.add(rollup.consumer, *marker, added)

    def end(self, stream_id: str, last: int, handled_before: float | None) -> None:
        if self.last < last:
            # What was counted of it beyond cannot be folded.
            for bucket, _ in self.markers.values():
                self.check.leave_out(bucket)
        if self.uncounted is not None and handled_before is not None and self.uncounted[1] < handled_before:
            text = f"event {self.uncounted[0]} is not counted, and the consumer has gone past it"
            self.check.found(Finding("view-behind", text, stream_id, self.check.rollup.consumer))
