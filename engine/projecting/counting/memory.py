"""The store of rollups in memory has full semantics, for tests."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.projecting.counting.port import Sums


@dataclass(slots=True)
class _Bucket:
    markers: set[str] = field(default_factory=set)
    sums: Counter[str] = field(default_factory=Counter)


class MemoryRollupStore:
    """Implements `RollupStore`."""

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
