"""Readers and writers remember for a while which generations there are, instead of reading it each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.projecting.generations.port import (
    Generations,
    GenerationStore,
    MissingGeneration,
    StoredGenerations,
    begun,
    get_or_begin,
)
from engine.projecting.query import AnyProjection, Query, ReadModel

KEPT_FOR: Final = 5.0
"""In seconds. Whoever changes what is written or served counts on a minute, `rebuild.SETTLED`."""


@dataclass(frozen=True, slots=True)
class KnownGenerations:
    """Answers by what this process has read in the last `KEPT_FOR` seconds."""

    store: GenerationStore
    monotonic: Callable[[], float]
    _read: dict[str, tuple[float, Generations]] = field(default_factory=dict)

    async def of(self, read_model: ReadModel) -> Generations:
        """Returns the generations of a read model, which begin with this where there are none. Raises AdapterError."""
        known = self._recent(read_model)
        if known is None:
            asked_at = self.monotonic()
            stored = await get_or_begin(self.store, read_model.name, read_model.generations[0])
            known = self._keep(read_model, asked_at, stored)
        return known

    async def read(self, read_model: ReadModel) -> Generations:
        """Returns the same, for those who only read: where there are none, nothing is written. Raises AdapterError."""
        known = self._recent(read_model)
        if known is None:
            asked_at = self.monotonic()
            stored = await self.store.get(read_model.name)
            if stored is None:
                return begun(read_model.generations[0])
            known = self._keep(read_model, asked_at, stored)
        return known

    async def looked_at(self, read_model: ReadModel) -> Generations:
        """Returns them as they are now, and writes nothing where nobody has begun. Raises AdapterError."""
        stored = await self.store.get(read_model.name)
        return begun(read_model.generations[0]) if stored is None else stored.generations

    async def written(self, read_model: ReadModel) -> Sequence[AnyProjection]:
        """Returns what applies events to each generation that is written. Raises MissingGeneration, AdapterError."""
        return [projection_of(read_model, each) for each in (await self.of(read_model)).written]

    async def kept(self, read_model: ReadModel) -> Sequence[AnyProjection]:
        """Returns the same, with the generation that is being built. Raises MissingGeneration, AdapterError."""
        return [projection_of(read_model, each) for each in (await self.of(read_model)).kept]

    def _recent(self, read_model: ReadModel) -> Generations | None:
        read_at, known = self._read.get(read_model.name, (-KEPT_FOR, None))
        return known if self.monotonic() - read_at < KEPT_FOR else None

    def _keep(self, read_model: ReadModel, asked_at: float, stored: StoredGenerations) -> Generations:
        self._read[read_model.name] = asked_at, stored.generations
        return stored.generations


def projection_of(read_model: ReadModel, generation: int) -> AnyProjection:
    """Raises MissingGeneration."""
    for each in read_model.projections:
        if each.generation == generation:
            return each
    raise MissingGeneration(read_model.name, generation, read_model.generations[0])


def query_of(read_model: ReadModel, generation: int) -> Query:
    """Raises MissingGeneration."""
    for each in read_model.queries:
        if each.projection.generation == generation:
            return each
    raise MissingGeneration(read_model.name, generation, read_model.generations[0])
