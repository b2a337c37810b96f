"""The change feed keeps the order of each stream but mixes streams in a batch, so items are grouped by their stream."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

_VERSION: Final = re.compile(r"[0-9]{10}")


def by_stream(items: Iterable[Mapping[str, Any]]) -> Mapping[str, list[Mapping[str, Any]]]:
    """Returns the items of each stream; the streams come in the order of their first items."""
    streams: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        streams[stream_of(item)].append(item)
    return streams


def stream_of(item: Mapping[str, Any]) -> str:
    """Returns the stream id of an item of the change feed, also of one that is not an event."""
    return str(item.get("streamId"))


def version_of(item: Mapping[str, Any]) -> int:
    """Returns the version that the id of an item says; 0 if it is the id of no event, which no read of events finds."""
    id_ = item.get("id")
    return int(id_) if isinstance(id_, str) and _VERSION.fullmatch(id_) else 0
