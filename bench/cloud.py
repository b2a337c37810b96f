"""The local cloud for measurements: each service a process of its own, on free ports, gone when the block ends."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from composition.settings import Settings
from emulators.bench import processes
from emulators.bench.processes import Service, bus_connection_string, cosmos

__all__ = ["Service", "bus_connection_string", "cosmos"]

ROOT: Final = Path(__file__).resolve().parent.parent
DATABASE: Final = "orders"
KEY: Final = (
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="  # the emulator's
)


@dataclass(frozen=True, slots=True)
class Stack:
    """Cosmos DB, Service Bus, and Functions hosts over both; `known` are their settings."""

    cosmos: Service
    bus: Service
    functions: Service
    known: Mapping[str, str]

    @property
    def api(self) -> str:
        return f"{self.functions.url}/api"


_NO_BUS = "Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
"""For what never sends: nothing listens there."""


def environment(cosmos_url: str, bus: str = _NO_BUS) -> Mapping[str, str]:
    """The settings of the service (docs/operations.md) against a local account; `bus` is a connection string."""
    return {
        "COSMOS": f"AccountEndpoint={cosmos_url}/;AccountKey={KEY};",
        "COSMOS_DATABASE": DATABASE,
        "SERVICEBUS": bus,
        "TRUST_EASYAUTH": "0",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    }


def settings(cosmos_url: str) -> Settings:
    return Settings.from_mapping(environment(cosmos_url))


@contextmanager
def stack(
    data: Path, instances: int, bus_config: Path | None = None, telemetry: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """All of the local cloud on disk, provisioned, with its times as in `make run`. Raises ServiceFailed.

    `telemetry` are settings by which the functions export what they measure.
    """
    entities = bus_config or _entities(data)
    with cosmos(data / "cosmos") as store, processes.servicebus(data / "servicebus", entities) as bus:
        known = {**environment(store.url, bus_connection_string(bus.url)), **(telemetry or {})}
        provision(known)
        options = ("--port", "0", "--app", str(ROOT), "--data", str(data / "functions"), "--instances", str(instances))
        with processes.service("emulators.functions", *options, environment=environment_of(known)) as functions:
            yield Stack(store, bus, functions, known)


def _entities(folder: Path) -> Path:
    file = folder / "servicebus.json"
    file.write_text(run_python("-m", "operate", "topology"), encoding="utf-8")
    return file


def provision(known: Mapping[str, str]) -> None:
    run_python("-m", "operate", "provision", known=known)


def run_python(*arguments: str, known: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """What a fresh interpreter prints. Raises CalledProcessError."""
    return processes.run_python(*arguments, environment=environment_of(known or {}), stdin=stdin)


def environment_of(known: Mapping[str, str]) -> Mapping[str, str]:
    """This process's, without the settings of another stack that it may carry, with those that are known."""
    of_another = ("COSMOS", "SERVICEBUS", "DEVSTACK_", "OTEL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(of_another)}
    return {**inherited, **known}
