"""The sums of a rollup are checked bucket by bucket against what the events add that have a marker there.

A bucket is a partition, whose feed brings its items in the order of their transactions, and a marker is created in the
transaction that changes the counter. So a counter has what the markers say up to its own transaction, and nothing else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.projecting.counting.documents import sums_of
from engine.projecting.counting.port import RollupStore, Sums
from engine.projecting.counting.rollup import Rollup
from engine.verifying.findings import Finding, Found
from engine.verifying.spill import Spill
from engine.verifying.walk import Items

_NAMED = 5


def keep_sums(spill: Spill, generations: Sequence[Rollup], items: Items) -> None:
    """Keeps the counters and markers of these generations of a rollup; those of another one are left out."""
    by_prefix = {str(each.generation): each.consumer for each in generations}
    for item in items:
        name, bucket, lsn = str(item.get("id")), str(item.get("bucket")), int(item["_lsn"])
        consumer = by_prefix.get(bucket.partition("~")[0])
        if consumer is None:
            continue
        stream, _, version = name.rpartition("~")
        if name == bucket:
            spill.keep_counters([(consumer, bucket, lsn, item)])
        elif stream and version.isdecimal():
            spill.keep_markers([(consumer, stream, int(version), bucket, lsn)])
        else:
            text = f"item {name!r} of bucket {bucket} is no marker"
            spill.keep_finding(Finding("view-ahead", text, None, consumer))


async def check_sums(spill: Spill, rollups: RollupStore, found: Found) -> None:
    """Tells of markers without an event, and of buckets with other sums than their events say."""
    for consumer, stream, version, bucket in spill.unfounded_markers():
        text = f"event {version} has a marker in bucket {bucket}, and adds nothing there"
        found(Finding("view-ahead", text, stream, consumer))
    for consumer, bucket, counter, added in spill.buckets():
        if counter is None:
            # Either somebody has deleted it, or it was changed after the walk: then it has all, and some more.
            if not await rollups.sums(consumer.partition("@")[0], [bucket]):
                found(Finding("view-differs", f"bucket {bucket} has markers and no counter", None, consumer))
            continue
        known = [each for each in added if each is not None]
        if len(known) < len(added):
            continue
        differing = _differing(counter, known)
        if differing:
            text = f"bucket {bucket} has other sums than its events say: {', '.join(differing)}"
            found(Finding("view-differs", text, None, consumer))


def _differing(counter: Mapping[str, Any], added: Sequence[Sums]) -> Sequence[str]:
    """Returns some of the sums that differ."""
    expected = Counter[str]()
    for each in added:
        expected.update(each)
    try:
        stored = sums_of(counter)
    except Exception:  # noqa: BLE001 - every error comes from the data
        return ["none can be read"]
    keys = sorted(key for key in {*expected, *stored} if expected[key] != stored.get(key, 0))
    return [f"{key} is {stored.get(key, 0)}, not {expected[key]}" for key in keys[:_NAMED]]
