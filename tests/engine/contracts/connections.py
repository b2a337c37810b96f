"""Connections out of connection strings, and a database with all that the toy domain needs."""

from typing import Final

from azure.cosmos.aio import CosmosClient, DatabaseProxy

from engine.settings import CosmosConnection, ServiceBusConnection, SettingsReader
from engine.storing.containers import Container, containers
from engine.storing.cosmos_account import provision
from tests.engine.toy.registry import READ_MODELS

CONTAINERS: Final[tuple[Container, ...]] = containers(each.container for each in READ_MODELS)

NOBODYS_BUS: Final = ServiceBusConnection(
    "Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
)
"""Nothing listens there."""


def cosmos(connection_string: str) -> CosmosConnection:
    reader = SettingsReader({"COSMOS": connection_string})
    connection = reader.cosmos()
    reader.check()
    return connection


async def provisioned(client: CosmosClient, database: str) -> DatabaseProxy:
    await provision(client, database, CONTAINERS, lambda _: None)
    return client.get_database_client(database)
