"""The store of parked streams in memory has full semantics, for tests."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from engine.consuming.parked_streams.port import MAX_STREAMS, Index, ParkedStream, TooManyStreams


class MemoryParkedStreams:
    """Implements `ParkedStreams`; `reads` counts how often an index was read."""

    def __init__(self) -> None:
        self._parked: defaultdict[str, dict[str, ParkedStream]] = defaultdict(dict)
        self._indexes: defaultdict[str, str] = defaultdict(str)
        self._etags = itertools.count(1)
        self.reads = 0

    async def index(self, consumer: str) -> Index:
        self.reads += 1
        return Index(frozenset(self._parked[consumer]), self._indexes[consumer] or None)

    async def index_since(self, consumer: str, known: Index) -> Index:  # noqa: ARG002 - saves nothing here
        return await self.index(consumer)

    async def skip(self, consumer: str, stream_id: str, version: int) -> bool:
        parked = self._parked[consumer].get(stream_id)
        if parked is not None and parked.seen < version:
            self._keep(consumer, replace(parked, seen=version))
        return parked is not None

    async def park(self, consumer: str, parked: ParkedStream) -> None:
        if await self.skip(consumer, parked.stream_id, parked.seen):
            return
        if len(self._parked[consumer]) >= MAX_STREAMS:
            raise TooManyStreams(consumer)
        self._keep(consumer, parked)
        self._indexes[consumer] = self._etag()

    async def get(self, consumer: str, stream_id: str) -> ParkedStream | None:
        return self._parked[consumer].get(stream_id)

    async def all(self, consumer: str, limit: int = MAX_STREAMS) -> Sequence[ParkedStream]:
        parked = sorted(self._parked[consumer].values(), key=lambda each: each.stream_id)[:limit]
        return [replace(each, trace="") for each in parked]

    async def move_on(self, consumer: str, stream_id: str, first: int) -> ParkedStream | None:
        parked = self._parked[consumer].get(stream_id)
        if parked is not None and parked.first < first:
            self._keep(consumer, replace(parked, first=first))
        return self._parked[consumer].get(stream_id)

    async def replace(self, consumer: str, parked: ParkedStream) -> bool:
        if not self._is_as_read(consumer, parked):
            return False
        self._keep(consumer, parked)
        return True

    async def free(self, consumer: str, parked: ParkedStream) -> bool:
        if parked.stream_id not in self._parked[consumer]:
            return True
        if not self._is_as_read(consumer, parked):
            return False
        del self._parked[consumer][parked.stream_id]
        self._indexes[consumer] = self._etag()
        return True

    def _is_as_read(self, consumer: str, parked: ParkedStream) -> bool:
        there = self._parked[consumer].get(parked.stream_id)
        return there is not None and there.etag == parked.etag

    def _keep(self, consumer: str, parked: ParkedStream) -> None:
        self._parked[consumer][parked.stream_id] = replace(parked, etag=self._etag())

    def _etag(self) -> str:
        return f'"{next(self._etags)}"'
