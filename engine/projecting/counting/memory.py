"""The store of rollups in memory has full semantics, for tests."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.consuming.feed.memory import Snapshot
from engine.projecting.counting.port import Sums


@dataclass(slots=True)
class _Bucket:
    markers: set[str] = field(default_factory=set)
    sums: Counter[str] = field(default_factory=Counter)


class MemoryRollupStore:
    """Implements `RollupStore`. It has counters and markers as the container has them, which the feed brings."""

    def __init__(self) -> None:
        self._buckets: defaultdict[tuple[str, str], _Bucket] = defaultdict(_Bucket)

    async def count(self, container: str, bucket: str, additions: Mapping[str, Sums]) -> None:
        found = self._buckets[container, bucket]
        for marker, added in additions.items():
            if marker not in found.markers:
                found.markers.add(marker)
                found.sums.update(added)

    async def sums(self, container: str, buckets: Collection[str]) -> Mapping[str, Sums]:
        found = {bucket: self._buckets.get((container, bucket)) for bucket in buckets}
        return {bucket: dict(its.sums) for bucket, its in found.items() if its is not None}

    def changes(self, container: str) -> Snapshot:
        items = list[Mapping[str, Any]]()
        for (its_container, bucket), its in self._buckets.items():
            if its_container == container:
                items += [{"id": marker, "bucket": bucket} for marker in sorted(its.markers)]
                items.append({"id": bucket, "bucket": bucket, "sums": dict(its.sums), "billions": {}})
        return Snapshot(items)

    async def delete(self, container: str, prefix: str, limit: int) -> int:
        for key, its in self._buckets.items():
            if key[0] == container and key[1].startswith(prefix):
                markers = sorted(its.markers)[:limit]
                its.markers.difference_update(markers)
                if len(markers) == limit:
                    return limit
                del self._buckets[key]
                return len(markers) + 1
        return 0
