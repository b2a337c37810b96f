"""`FeedFunctions` passes each batch of the change feed to one read model, or to the relay."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import azure.functions as func

from engine.consuming import observed
from engine.projecting.query import ReadModel
from engine.reacting.relay import CONSUMER

if TYPE_CHECKING:
    from engine.services import Services


@dataclass(frozen=True, slots=True)
class FeedFunctions:
    """Each function raises when its batch fails: the host's retry policy delivers it again, and the lease waits."""

    services: "Callable[[], Awaitable[Services]]"
    read_models: Iterable[ReadModel]

    async def project(self, name: str, documents: func.DocumentList) -> None:
        """Applies the batch to each written generation of the read model `name`. Raises ConsumerError."""
        read_model = next(each for each in self.read_models if each.name == name)
        with observed.attempt(name):
            await (await self.services()).feeding.run(read_model, [document.data for document in documents])

    async def relay(self, documents: func.DocumentList) -> None:
        """Sends on the bus what the events of the batch call for. Raises ConsumerError."""
        with observed.attempt(CONSUMER):
            await (await self.services()).relay.run([document.data for document in documents])
