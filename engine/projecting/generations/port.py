"""`GenerationStore` is the port of the container `generations`; `memory.py` and `cosmos.py` implement it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from engine.consuming.feed.port import FeedRange
from engine.errors import AdapterError, Unavailable

_ATTEMPTS: Final = 20


class GenerationsConflict(AdapterError):
    """Is raised when somebody else has changed the generations of the read model since they were read."""


class GenerationRefused(Exception):
    """Is raised for a step that the generations of a read model do not allow now; the message says what does."""


class MissingGeneration(Unavailable):
    """Is raised by a build that meets a generation which it does not have; it goes on once another is deployed.

    `lowest` is the lowest one that it has: one below that is no longer kept by newer builds.
    """

    def __init__(self, read_model: str, generation: int, lowest: int) -> None:
        module = f"projections/{read_model.replace('-', '_')}.py"
        instead = (
            f", or make a newer one with `operate projections rebuild {read_model}`" if generation < lowest else ""
        )
        super().__init__(
            f"{read_model} is kept at generation {generation}, which this build does not have: "
            f"deploy a build whose {module} has it{instead}",
            retry_after=10.0,
        )


@dataclass(frozen=True, slots=True)
class Walked:
    """Says how far one range of the feed has been walked: everything before `position`, `documents` so far.

    It is to reach `head`, the position that was behind the newest event.
    """

    feed_range: FeedRange
    head: str
    position: str | None = None
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Build:
    """A generation that is being built. `closing`: its heads were recorded when all hosts wrote it already."""

    generation: int
    build_id: str
    ranges: tuple[Walked, ...]
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Generations:
    """Says of one read model which generation answers queries, and which ones the hosts write.

    `build` is the one that is being built: it is not whole, written or not. `dropped` is the one whose documents are
    being deleted. `flipped_at` is when `serving` changed last.
    """

    serving: int
    written: tuple[int, ...]
    build: Build | None = None
    dropped: int | None = None
    flipped_at: datetime | None = None

    @property
    def whole(self) -> tuple[int, ...]:
        """Returns those that may answer queries."""
        return tuple(each for each in self.written if self.build is None or each != self.build.generation)

    @property
    def kept(self) -> tuple[int, ...]:
        """Returns all that have documents which must agree with the events."""
        return tuple(sorted({*self.written, *(() if self.build is None else (self.build.generation,))}))


@dataclass(frozen=True, slots=True)
class StoredGenerations:
    generations: Generations
    etag: str


class GenerationStore(Protocol):
    """Keeps one item per read model. All methods raise Unavailable and AccessRefused."""

    async def get(self, read_model: str) -> StoredGenerations | None:
        """Returns them as the primary replica has them."""
        ...

    async def put(self, read_model: str, generations: Generations, etag: str | None) -> None:
        """Creates the item if `etag` is None, else replaces the one with this etag. Raises GenerationsConflict."""
        ...


def begun(lowest: int) -> Generations:
    """Returns the generations of a read model of which nobody has written any: the lowest one of this build serves."""
    return Generations(lowest, (lowest,))


async def get_or_begin(store: GenerationStore, read_model: str, lowest: int) -> StoredGenerations:
    """Returns the generations of a read model, which begin with the lowest one of this build.

    A build that brings a new generation has the one from before as well, and that is the one which has documents.
    """
    while (stored := await store.get(read_model)) is None:
        try:
            await store.put(read_model, begun(lowest), None)
        except GenerationsConflict:
            continue
    return stored


async def change(
    store: GenerationStore, read_model: str, lowest: int, changed: Callable[[Generations], Generations]
) -> Generations:
    """Writes what `changed` makes of the generations, and returns it. `changed` may raise, and is asked again.

    Raises Unavailable while others keep changing them.
    """
    for _ in range(_ATTEMPTS):
        stored = await get_or_begin(store, read_model, lowest)
        generations = changed(stored.generations)
        if generations == stored.generations:
            return generations
        try:
            await store.put(read_model, generations, stored.etag)
        except GenerationsConflict:
            continue
        return generations
    raise Unavailable(f"others keep changing the generations of {read_model}")
