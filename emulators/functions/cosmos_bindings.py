"""Input and output bindings of Cosmos DB: items for a function before it runs, items from it afterwards."""

import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from azure.functions.meta import Datum

from emulators.functions.binding_expressions import EXPRESSION, evaluate, lookup
from emulators.functions.bindings import Binding, BindingError, flag, number, text
from emulators.functions.cosmos_account import account_of
from emulators.functions.cosmos_wire import Container, CosmosClient, CosmosError
from emulators.functions.json_values import parse
from emulators.functions.rewriting import rewrite


class CosmosBindings:
    """Reads and writes for the functions of one host. One client per connection, as in the extension."""

    def __init__(self, session: aiohttp.ClientSession, environment: Mapping[str, str]) -> None:
        self._session = session
        self._environment = environment
        self._clients: dict[str, CosmosClient] = {}
        self._key_paths: dict[tuple[str, str, str], tuple[str, ...]] = {}

    async def read(self, binding: Binding, trigger_metadata: Mapping[str, Datum]) -> Datum:
        """What an input binding gives to its parameter: an item by id, or the rows of a query.

        Raises BindingError for an expression without a value, CosmosError, ConnectionStringError or
        aiohttp.ClientError if the container cannot be read. A missing item is JSON null.
        """
        container = self._container(binding)
        key = None
        if "partitionKey" in binding.fields:
            key = (evaluate(text(binding, "partitionKey"), trigger_metadata),)
        if "id" in binding.fields:
            item_id = evaluate(text(binding, "id"), trigger_metadata)
            try:
                content: Any = (await container.read(item_id, key or (item_id,)))[0]
            except CosmosError as error:
                if error.status != 404:
                    raise
                content = None
        else:
            query, parameters = _parametrised(text(binding, "sqlQuery", "SELECT * FROM c"), trigger_metadata)
            content = await container.query(query, parameters, key)
        return Datum(json.dumps(rewrite(content)), "json")

    async def write(self, binding: Binding, value: Datum) -> None:
        """Upsert what a function gave to an output binding, item by item.

        Raises BindingError if it is not JSON, CosmosError, ConnectionStringError or aiohttp.ClientError if an
        item cannot be written; the items before it are.
        """
        if value.type not in ("json", "string"):
            raise BindingError(f"cosmosDB '{binding.name}': cannot write {value.type}")
        try:
            content = parse(value.value)
        except ValueError as error:
            raise BindingError(f"cosmosDB '{binding.name}': not JSON: {error}") from error
        container = self._container(binding)
        paths = await self._paths(binding, container)
        for item in content if isinstance(content, list) else [content]:
            await container.upsert(item, tuple(_value_at(item, path) for path in paths))

    def _container(self, binding: Binding) -> Container:
        connection = text(binding, "connection", "CosmosDB")
        client = self._clients.get(connection)
        if client is None:
            client = CosmosClient(account_of(connection, self._environment), self._session)
            self._clients[connection] = client
        return client.container(text(binding, "databaseName"), text(binding, "containerName"))

    async def _paths(self, binding: Binding, container: Container) -> tuple[str, ...]:
        place = (text(binding, "connection", "CosmosDB"), text(binding, "databaseName"), container.name)
        if place not in self._key_paths:
            if flag(binding, "createIfNotExists"):
                path = text(binding, "partitionKey", "/id")
                content = {"id": container.name, "partitionKey": {"paths": [path], "kind": "Hash"}}
                given = "containerThroughput" in binding.fields
                await container.create_if_missing(
                    content, number(binding, "containerThroughput", 400) if given else None
                )
            self._key_paths[place] = (await container.read_id()).partition_key_paths
        return self._key_paths[place]


def _parametrised(query: str, trigger_metadata: Mapping[str, Datum]) -> tuple[str, dict[str, str]]:
    """Expressions of a query become parameters, so that a request cannot write SQL."""
    parameters: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        name = "@" + re.sub(r"\W", "_", match[1])
        parameters[name] = lookup(match[1], trigger_metadata)
        return name

    return EXPRESSION.sub(place, query), parameters


def _value_at(item: Any, path: str) -> Any:
    """The value of a partition key path; an undefined one is written as an empty object on the wire."""
    for name in path.strip("/").split("/"):
        if not isinstance(item, dict) or name not in item:
            return {}
        item = item[name]
    return item
