"""The store of views in memory has full semantics, for tests."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.consuming.feed.memory import Snapshot
from engine.projecting.port import StoredDocument, ViewConflict, ViewKey
from engine.storing.containers import Container


class MemoryViewStore:
    """Implements `ViewStore`. It keeps JSON text, as a database would: no caller shares an object with it."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, ViewKey], tuple[str, str]] = {}
        self._etags = itertools.count(1)

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        stored = self._documents.get((container, key))
        return None if stored is None else StoredDocument(json.loads(stored[0]), stored[1])

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> str:
        stored = self._documents.get((container, key))
        if (None if stored is None else stored[1]) != etag:
            raise ViewConflict(f"{container}/{key.id}")
        written = f'"{next(self._etags)}"'
        self._documents[container, key] = (json.dumps(document), written)
        return written

    async def find(self, container: str, view_id: str) -> Sequence[StoredDocument]:
        return [
            StoredDocument(json.loads(text), etag)
            for (its_container, key), (text, etag) in self._documents.items()
            if (its_container, key.id) == (container, view_id)
        ]

    async def delete(self, container: str, key: ViewKey) -> None:
        self._documents.pop((container, key), None)

    def changes(self, container: str) -> Snapshot:
        documents = ((its_container, text) for (its_container, _), (text, _) in self._documents.items())
        return Snapshot([json.loads(text) for its_container, text in documents if its_container == container])

    async def beginning(self, container: Container, prefix: str, limit: int) -> Sequence[ViewKey]:
        return self._keys(container.name, prefix)[:limit]

    async def count(self, container: str, prefix: str, path: str, value: str) -> int:
        keys = self._keys(container, prefix)
        return sum(_at(path, json.loads(self._documents[container, key][0])) == value for key in keys)

    async def page(
        self, container: str, partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        documents = [
            json.loads(text)
            for (its_container, key), (text, _) in self._documents.items()
            if its_container == container and key.partition == partition
        ]
        found = [document for document in documents if sort_from <= document["sortKey"] < sort_below]
        return sorted(found, key=lambda document: str(document["sortKey"]), reverse=True)[:limit]

    def _keys(self, container: str, prefix: str) -> list[ViewKey]:
        return [
            key for its_container, key in self._documents if its_container == container and key.id.startswith(prefix)
        ]


def _at(path: str, document: Any) -> Any:
    for name in path.split("/"):
        document = document.get(name) if isinstance(document, dict) else None
    return document
