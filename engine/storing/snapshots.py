"""A snapshot holds the state of a long stream at a version, to save a load most of the events. It is disposable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from engine.storing.converter import Converter

_converter: Final = Converter(unknown_keys="ignored")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Holds the state as plain data, and the version, id, time and type of the last event in it."""

    stream_id: str
    fold: int
    version: int
    event_id: str
    occurred_at: datetime
    event_type: str
    state: Mapping[str, Any]


class SnapshotStore(Protocol):
    """Keeps one snapshot per stream and `fold`.

    All methods raise as the event store does. The result of a command never depends on a snapshot.
    """

    async def read(self, stream_id: str, fold: int) -> Snapshot | None:
        """Returns the snapshot, possibly not the last one written; None if there is none or it cannot be read."""
        ...

    async def write(self, snapshot: Snapshot) -> None: ...

    async def delete(self, stream_id: str) -> None:
        """Deletes the snapshots of the stream, whatever their `fold`."""
        ...


def snapshot_id(fold: int) -> str:
    return f"fold-{fold}"


def to_item(snapshot: Snapshot) -> dict[str, Any]:
    return {"id": snapshot_id(snapshot.fold), **_converter.encode(snapshot)}


def size_of(snapshot: Snapshot) -> int:
    """Returns its size in bytes, as the SDK sends it."""
    return len(json.dumps(to_item(snapshot), separators=(",", ":")))


def from_item(item: Mapping[str, Any]) -> Snapshot | None:
    try:
        return _converter.decode(item, Snapshot)
    except Exception:  # noqa: BLE001 - every error of a converter comes from the data
        return None
