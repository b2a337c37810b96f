"""`ViewStore` is the port of the store of views; `memory.py` and `cosmos.py` implement it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.consuming.feed.port import ChangeFeed
from engine.errors import AdapterError
from engine.storing.containers import Container


class ViewConflict(AdapterError):
    """Is raised when another writer has changed the view since it was read."""


@dataclass(frozen=True, slots=True)
class ViewKey:
    """Holds the id of a view, and the value of its container's partition key."""

    id: str
    partition: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    document: Mapping[str, Any]
    etag: str

    @property
    def position(self) -> int:
        """Returns the version of the last event of its stream that the view has seen."""
        position: int = self.document["position"]
        return position


class ViewStore(Protocol):
    """Keeps the documents of every read model, by container. All methods raise Unavailable and AccessRefused."""

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None: ...

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> str:
        """Creates the document if `etag` is None, else replaces the one with this etag; returns its new etag.

        Raises ViewConflict.
        """
        ...

    async def find(self, container: str, view_id: str) -> Sequence[StoredDocument]:
        """Returns the documents with this id in every partition. One that was written just now may be missing."""
        ...

    async def delete(self, container: str, key: ViewKey) -> None:
        """Deletes the document, if there is one."""
        ...

    def changes(self, container: str) -> ChangeFeed:
        """Returns the feed of a read model's documents: each of them once, as it was written last."""
        ...

    async def beginning(self, container: Container, prefix: str, limit: int) -> Sequence[ViewKey]:
        """Returns the keys of at most `limit` documents whose id begins with `prefix`, in any partition.

        Documents that were written just now may be missing.
        """
        ...

    async def count(self, container: str, prefix: str, path: str, value: str) -> int:
        """Returns how many documents whose id begins with `prefix` have `value` at `path`, such as `view/status`.

        The path is indexed. What was written just now may not be counted yet, or as it was before.
        """
        ...

    async def page(
        self, container: str, partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Returns at most `limit` documents of a partition with `sort_from <= sortKey < sort_below`, highest first."""
        ...
