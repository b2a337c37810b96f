"""A batch of the change feed is applied to every generation of a read model that is written.

What is written is asked for when the batch is there already: so events that were applied by what was known before a
change of it were appended before that change, or in the seconds after it in which it is not known yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.consuming.errors import ConsumerError, TransientFailure
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.errors import AdapterError
from engine.projecting.counting.counter import Counter
from engine.projecting.counting.rollup import Rollup
from engine.projecting.generations.known import KnownGenerations
from engine.projecting.projector import Projector
from engine.projecting.query import AnyProjection, ReadModel


@dataclass(frozen=True, slots=True)
class Feeding:
    """One instance serves every read model of the worker process."""

    known: KnownGenerations
    runner: FeedRunner
    projector: Projector
    counter: Counter

    async def run(self, read_model: ReadModel, items: Sequence[Mapping[str, Any]]) -> None:
        """Applies every event of the batch to each generation; one that fails keeps no other one from it.

        Raises ConsumerError as `FeedRunner.run` does, and TransientFailure for a generation that this build lacks.
        """
        try:
            projections = await self.known.written(read_model)
        except AdapterError as error:
            raise TransientFailure(f"{read_model.name} waits: {error}") from error
        failures = list[ConsumerError]()
        for projection in projections:
            try:
                await self.runner.run(self.consumer(projection), items)
            except ConsumerError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def consumer(self, projection: AnyProjection) -> FeedConsumer:
        """Returns what applies the events of batches that come from the Functions host."""
        if isinstance(projection, Rollup):
            return self.counter.consumer(projection)
        return self.projector.consumer(projection)

    def walker(self, projection: AnyProjection) -> FeedConsumer:
        """Returns what applies the events of batches that come from the store itself, to what is mostly new."""
        if isinstance(projection, Rollup):
            return self.counter.walker(projection)
        return self.projector.walker(projection)
