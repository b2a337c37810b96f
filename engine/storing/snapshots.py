"""Snapshots: the state of a long stream at a version, so that it need not be folded from its beginning. Disposable."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engine.storing.events import time_at_rest, time_from_rest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State as plain data, and the event that it was folded to: its version, id, time and type."""

    stream_id: str
    fold: int
    version: int
    event_id: str
    occurred_at: datetime
    event_type: str
    state: Mapping[str, Any]


class SnapshotStore(Protocol):
    """One snapshot per stream and fold. Both methods raise as the event store does; nothing depends on either."""

    async def read(self, stream_id: str, fold: int) -> Snapshot | None:
        """The snapshot, possibly an older one than was written last; None also for one that cannot be read."""
        ...

    async def write(self, snapshot: Snapshot) -> None: ...


def snapshot_id(fold: int) -> str:
    return f"fold-{fold}"


def to_item(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot_id(snapshot.fold),
        "streamId": snapshot.stream_id,
        "fold": snapshot.fold,
        "version": snapshot.version,
        "eventId": snapshot.event_id,
        "occurredAt": time_at_rest(snapshot.occurred_at),
        "eventType": snapshot.event_type,
        "state": snapshot.state,
    }


def from_item(item: Mapping[str, Any]) -> Snapshot | None:
    try:
        return Snapshot(
            stream_id=item["streamId"],
            fold=item["fold"],
            version=item["version"],
            event_id=item["eventId"],
            occurred_at=time_from_rest(item["occurredAt"]),
            event_type=item["eventType"],
            state=item["state"],
        )
    except (KeyError, TypeError, ValueError):
        return None
