"""Items of the change feed, by the stream that they belong to: the feed keeps the order of streams, not of a batch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any


def by_stream(items: Iterable[Mapping[str, Any]]) -> Mapping[str, list[Mapping[str, Any]]]:
    """The items of each stream, streams in the order in which they first come."""
    streams: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        streams[stream_of(item)].append(item)
    return streams


def stream_of(item: Mapping[str, Any]) -> str:
    """Of any item, also of one that is no event of ours."""
    return str(item.get("streamId"))
