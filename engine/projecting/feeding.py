"""A batch of the change feed is applied to every generation of a read model that is written.

What is written is asked for when the batch is there already: so events that were applied by what was known before a
change of it were appended before that change, or in the seconds after it in which it is not known yet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.consuming.errors import ConsumerError, PermanentFailure, TransientFailure
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.errors import AdapterError
from engine.projecting.generations.known import KnownGenerations
from engine.projecting.projection import Projection
from engine.projecting.query import ReadModel


@dataclass(frozen=True, slots=True)
class Feeding:
    known: KnownGenerations
    runner: FeedRunner
    consumer: Callable[[Projection[Any]], FeedConsumer]

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
            permanent = [each for each in failures if isinstance(each, PermanentFailure)]
            raise (permanent or failures)[0]
