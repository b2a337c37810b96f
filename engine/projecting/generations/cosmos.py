"""The store of generations on Cosmos DB has one item per read model in the container `generations`."""

from typing import Final

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from engine.projecting.generations.items import from_item, to_item
from engine.projecting.generations.port import Generations, GenerationsConflict, StoredGenerations
from engine.storing.cosmos_requests import read_primary, translated, won_by_another

_OF: Final = "store of generations"


class CosmosGenerationStore:
    """Implements `GenerationStore`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def get(self, read_model: str) -> StoredGenerations | None:
        async with translated(_OF):
            item = await read_primary(self._container, read_model, read_model)
        return None if item is None else StoredGenerations(from_item(item), item["_etag"])

    async def put(self, read_model: str, generations: Generations, etag: str | None) -> None:
        item = to_item(read_model, generations)
        async with translated(_OF, writes=True):
            try:
                if etag is None:
                    await self._container.create_item(item, no_response=True)
                else:
                    await self._container.replace_item(
                        read_model, item, etag=etag, match_condition=MatchConditions.IfNotModified, no_response=True
                    )
            except CosmosHttpResponseError as error:
                if not won_by_another(error):
                    raise
                raise GenerationsConflict(read_model) from error
