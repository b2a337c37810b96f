"""A stream and its snapshot have a largest size in Cosmos DB, and the log tells of it before it is reached."""

import json
import logging
from collections.abc import Sequence
from typing import Final

from engine.storing.events import StoredEvent
from engine.storing.items import MAX_EVENT_BYTES, to_item

MAX_STREAM_BYTES: Final = 20 * 1024**3
"""A logical partition of Cosmos DB, which is what a stream is, holds this much."""

MAX_SNAPSHOT_BYTES: Final = 2 * 1024**2
"""An item of Cosmos DB has at most this many bytes."""

_LOUD_FROM: Final = 0.8

MAY_BE_LARGE: Final = int(_LOUD_FROM * MAX_STREAM_BYTES / MAX_EVENT_BYTES)
"""A stream with fewer events than this is far from full, however large they are."""

_SYSTEM_PROPERTIES: Final = 300
"""Cosmos DB adds this to each item, in bytes."""

_log = logging.getLogger(__name__)


def estimated_bytes(version: int, sample: Sequence[StoredEvent]) -> float:
    """Returns the size of a stream at `version` as an estimate; `sample` are some events of it, one at least."""
    return version * sum(len(json.dumps(to_item(event))) + _SYSTEM_PROPERTIES for event in sample) / len(sample)


class Limits:
    """Logs an error, once per process, for each stream or snapshot that has come to 80 % of the largest size."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def snapshot_fits(self, stream_id: str, size: int) -> bool:
        """Returns whether a snapshot of `size` bytes can be written."""
        if size >= _LOUD_FROM * MAX_SNAPSHOT_BYTES:
            self._tell(
                stream_id,
                "snapshot",
                f"the snapshot of stream {stream_id} has {size} of {MAX_SNAPSHOT_BYTES} bytes; a larger one is not "
                f"written, and the stream is folded from an ever older one: let the state of its aggregate hold less",
            )
        return size <= MAX_SNAPSHOT_BYTES

    def watch_stream(self, stream_id: str, version: int, sample: Sequence[StoredEvent]) -> None:
        """Estimates the size of the stream at `version`; `sample` are some events of it."""
        size = estimated_bytes(version, sample)
        if size >= _LOUD_FROM * MAX_STREAM_BYTES:
            self._tell(
                stream_id,
                "stream",
                f"stream {stream_id} has some {size / 1024**3:.1f} of {MAX_STREAM_BYTES / 1024**3:.0f} GB "
                f"at version {version}; a full stream takes no events: let another one continue it",
            )

    def _tell(self, stream_id: str, what: str, message: str) -> None:
        if (stream_id, what) not in self._told:
            self._told.add((stream_id, what))
            _log.error("%s", message)
