"""What the server was asked: a bounded list, so that tests assert the number and kind of requests."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_CAPACITY: Final = 10_000

_Alike = tuple[str | None, str, tuple[str, ...], int]


@dataclass(frozen=True)
class RequestRecord:
    """One request that was answered, or whose answer was lost on purpose.

    `kind` is a name of the table of operations (`read`, `query`, `batch`, `feed`, …), `container` an id,
    `partition_key` the JSON of the header, `operations` what a batch held.
    """

    kind: str
    container: str | None
    partition_key: str | None
    status: int
    substatus: int
    charge: float
    operations: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "container": self.container,
            "partitionKey": self.partition_key,
            "status": self.status,
            "substatus": self.substatus,
            "charge": self.charge,
            "operations": list(self.operations),
        }


@dataclass
class Total:
    """Requests that were alike, and what they were charged."""

    count: int = 0
    charge: float = 0.0


class RequestLog:
    """The last 10,000 requests, the oldest first, and the totals of all."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_CAPACITY)
        self._totals: defaultdict[_Alike, Total] = defaultdict(Total)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: RequestRecord) -> None:
        self._records.append(record)
        total = self._totals[record.container, record.kind, tuple(sorted(set(record.operations))), record.status]
        total.count += 1
        total.charge += record.charge

    def clear(self) -> None:
        self._records.clear()
        self._totals.clear()

    def totals(self) -> list[dict[str, Any]]:
        """By container, kind, kinds of operations in a batch, and status."""
        return [
            {
                "container": container,
                "kind": kind,
                "operations": list(operations),
                "status": status,
                "count": total.count,
                "charge": round(total.charge, 2),
            }
            for (container, kind, operations, status), total in self._totals.items()
        ]

    def of(self, *kinds: str, container: str | None = None) -> list[RequestRecord]:
        """The requests of some kinds, of one container or all."""
        return [
            record for record in self if record.kind in kinds and (container is None or record.container == container)
        ]

    def kinds(self, *, container: str | None = None) -> list[str]:
        return [record.kind for record in self if container is None or record.container == container]
