"""What the server was asked: a bounded list, so that tests assert the number and kind of requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_CAPACITY: Final = 10_000


@dataclass(frozen=True)
class RequestRecord:
    """One request that was answered, or whose answer was lost on purpose.

    ``kind`` is a name of the table of operations (``read``, ``query``, ``batch``, ``feed``, …), ``container`` an id,
    ``partition_key`` the JSON of the header, ``operations`` what a batch held.
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


class RequestLog:
    """The last 10,000 requests, the oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=_CAPACITY)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: RequestRecord) -> None:
        self._records.append(record)

    def clear(self) -> None:
        self._records.clear()

    def of(self, *kinds: str, container: str | None = None) -> list[RequestRecord]:
        """The requests of some kinds, of one container or all."""
        return [
            record for record in self if record.kind in kinds and (container is None or record.container == container)
        ]

    def kinds(self, *, container: str | None = None) -> list[str]:
        return [record.kind for record in self if container is None or record.container == container]
