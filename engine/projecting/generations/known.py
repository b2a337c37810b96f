"""Readers and writers remember for a while which generations there are, instead of reading it each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.projecting.generations.port import Generations, GenerationStore, MissingGeneration, begun, get_or_begin
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
        """Returns the generations of a read model. Raises AdapterError."""
        asked_at = self.monotonic()
        known = self._read.get(read_model.name)
        if known is None or asked_at - known[0] >= KEPT_FOR:
            stored = await get_or_begin(self.store, read_model.name, read_model.generations[0])
            known = self._read[read_model.name] = asked_at, stored.generations
        return known[1]

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


def projection_of(read_model: ReadModel, generation: int) -> AnyProjection:
    """Raises MissingGeneration."""
    for each in read_model.projections:
        if each.generation == generation:
            return each
    raise MissingGeneration(read_model.name, generation)


def query_of(read_model: ReadModel, generation: int) -> Query:
    """Raises MissingGeneration."""
    for each in read_model.queries:
        if each.projection.generation == generation:
            return each
    raise MissingGeneration(read_model.name, generation)
