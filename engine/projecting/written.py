"""A projector remembers the views that it wrote last: the next write of one need not read it first."""

import json
from collections import OrderedDict
from typing import Final

from engine.projecting.port import StoredDocument, ViewKey

_MOST: Final = 5_000
_MOST_BYTES: Final = 4 * 1024 * 1024


class WrittenViews:
    """Keeps views as they were written, by container and key, as many as fit: the newest ones.

    The generation is a part of the key. A view that somebody else has written since is found out by its etag alone.
    """

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[str, ViewKey], tuple[str, str]] = OrderedDict()
        """Holds text and etag of each; the oldest one comes first."""

    def keep(self, container: str, key: ViewKey, written: StoredDocument) -> None:
        self._forget(container, key)
        # As text, its size is known: JSON without letters beyond ASCII, so a byte for each.
        text = json.dumps(written.document)
        self._entries[container, key] = text, written.etag
        self._bytes += len(text)
        while self._bytes > self._most_bytes or len(self._entries) > self._most:
            self._forget(*next(iter(self._entries)))

    def take(self, container: str, key: ViewKey) -> StoredDocument | None:
        """Returns the view and forgets it: it is kept again once its next write has succeeded."""
        entry = self._forget(container, key)
        return None if entry is None else StoredDocument(json.loads(entry[0]), entry[1])

    def _forget(self, container: str, key: ViewKey) -> tuple[str, str] | None:
        entry = self._entries.pop((container, key), None)
        if entry is not None:
            self._bytes -= len(entry[0])
        return entry
