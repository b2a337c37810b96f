"""What the service asks of the platform: its triggers, as the host sees them, its containers, its bus."""

import json
import runpy
from pathlib import Path
from typing import Any, Final, cast

from azure.cosmos.aio import CosmosClient

from composition.domain import CONTAINERS, TOPOLOGY
from engine.messaging.emulator_config import emulator_config
from engine.storing.cosmos_account import provision
from tests.outside.recording import not_found

_APP: Final = Path(__file__).resolve().parents[2] / "function_app.py"


async def functions() -> Any:
    """Every function with its bindings and its retry policy, by name."""
    # A fresh one: the library refuses to list the functions of an app twice.
    listed = runpy.run_path(str(_APP))["app"].get_functions()
    return {
        each.get_function_name(): {
            **json.loads(each.get_function_json()),
            "retryPolicy": each.get_settings_dict("retry_policy"),
        }
        for each in sorted(listed, key=lambda each: str(each.get_function_name()))
    }


async def bus_entities() -> Any:
    """What the local broker is told: every queue, topic and subscription."""
    return emulator_config(TOPOLOGY)


async def container_definitions() -> Any:
    """Every container, in the order in which they are provisioned."""
    return [
        {
            "name": each.name,
            "partitionKey": each.partition_key,
            "uniqueKey": each.unique_key,
            "indexingPolicy": each.indexing_policy,
            "defaultTtl": each.default_ttl,
        }
        for each in CONTAINERS
    ]


class _Account:
    """An account without containers, its only database in one: it writes down what it is asked to create."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []

    async def create_database_if_not_exists(self, _: str) -> "_Account":
        return self

    def get_container_client(self, _: str) -> "_Account":
        return self

    async def read(self) -> Any:
        raise not_found()

    async def create_container(self, name: str, partition_key: Any, **options: Any) -> None:
        self.created.append({"name": name, "partition_key": partition_key, **options})


async def provisioned_containers() -> Any:
    """What Cosmos DB is asked to create in a new database."""
    account = _Account()
    await provision(cast(CosmosClient, account), "orders", CONTAINERS, lambda _: None)
    return account.created
