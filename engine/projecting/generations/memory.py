"""The store of generations in memory has full semantics, for tests."""

import itertools
import json

from engine.projecting.generations.items import from_item, to_item
from engine.projecting.generations.port import Generations, GenerationsConflict, StoredGenerations


class MemoryGenerationStore:
    """Implements `GenerationStore`. It keeps JSON text, so that tests cover the format at rest too."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[str, str]] = {}
        self._etags = itertools.count(1)

    async def get(self, read_model: str) -> StoredGenerations | None:
        stored = self._items.get(read_model)
        return None if stored is None else StoredGenerations(from_item(json.loads(stored[0])), stored[1])

    async def put(self, read_model: str, generations: Generations, etag: str | None) -> None:
        stored = self._items.get(read_model)
        if (None if stored is None else stored[1]) != etag:
            raise GenerationsConflict(read_model)
        self._items[read_model] = json.dumps(to_item(read_model, generations)), f'"{next(self._etags)}"'
