"""`operate infra` prints what the infrastructure code reads, so that it says nothing a second time."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from composition.domain import CONTAINERS, TOPOLOGY
from composition.settings import Settings
from engine.messaging.emulator_config import iso
from engine.messaging.topology import DETECTION_WINDOW, LOCK_DURATION, MAX_DELIVERIES, Topology
from engine.storing.containers import Container
from operate.roles import ROLES

PYTHON: Final = "3.13"
"""Azure runs the functions under this Python."""


def run(root: Path) -> None:
    """Prints the containers, the bus, the functions, the settings and the roles of the project in `root`, as JSON."""
    example = json.loads((root / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    model = {
        "python": PYTHON,
        "database": example["COSMOS_DATABASE"],
        "settings": _settings(),
        "containers": {each.name: _container(each) for each in CONTAINERS},
        "bus": _bus(TOPOLOGY),
        "functions": dict(_functions()),
        "roles": [dataclasses.asdict(each) for each in ROLES],
    }
    print(json.dumps(model, indent=2))


class _Asked(dict[str, str]):
    """An environment that notes which settings are asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def _settings() -> list[str]:
    """Names every setting that the service reads where it connects by identity."""
    environment = _Asked(
        {
            "COSMOS__accountEndpoint": "https://example.documents.azure.com:443/",
            "COSMOS_DATABASE": "example",
            "SERVICEBUS__fullyQualifiedNamespace": "example.servicebus.windows.net",
        }
    )
    Settings.from_mapping(environment)
    return sorted(environment.names - {"COSMOS", "SERVICEBUS"})


def _container(container: Container) -> Mapping[str, Any]:
    indexing = container.indexing_policy
    return {
        "partitionKey": container.partition_key,
        "uniqueKeys": [] if container.unique_key is None else [[container.unique_key]],
        "includedPaths": [each["path"] for each in indexing["includedPaths"]],
        "excludedPaths": [each["path"] for each in indexing["excludedPaths"]],
        "defaultTtl": container.default_ttl,
    }


def _bus(topology: Topology) -> Mapping[str, Any]:
    return {
        "lockDuration": iso(LOCK_DURATION),
        "maxDeliveries": MAX_DELIVERIES,
        "detectionWindow": iso(DETECTION_WINDOW),
        "queues": {each.name: {"sessions": each.sessions} for each in topology.queues},
        "topic": topology.topic.name,
        "subscriptions": {each.name: {"subjects": [*each.subjects]} for each in topology.topic.subscriptions},
    }


def _functions() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yields each function with its trigger, and with the prefix of its leases where it has some."""
    import function_app

    for function in function_app.app.get_functions():
        bindings = json.loads(function.get_function_json())["bindings"]
        trigger = next(each for each in bindings if each["type"].endswith("Trigger"))
        leases = trigger.get("leaseContainerPrefix")
        yield str(function.get_function_name()), {"trigger": trigger["type"], **({"leases": leases} if leases else {})}
