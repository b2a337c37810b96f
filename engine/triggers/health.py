"""The answer of `GET /health/details`: what is found, and nothing by which anybody gets in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

import azure.functions as func

from engine.consuming.health import Dependency, Health, Status
from engine.consuming.lag import PartitionLag, State
from engine.storing.events import time_at_rest
from engine.triggers.http_answers import answer
from engine.triggers.operations import Answer, Operation


class Dependencies(TypedDict):
    cosmos: Dependency
    serviceBus: Dependency


class Partition(TypedDict):
    """Shows how far a consumer of the feed has come in one partition; None where nothing is known."""

    partition: str
    state: State
    documents: int | None
    seconds: float | None
    owner: str | None
    age: float | None


class Consumer(TypedDict):
    """Shows how many streams, or sessions, a consumer has parked; the bus counts what waits for one of its own."""

    consumer: str
    parked: int
    partitions: NotRequired[list[Partition]]


class HealthDetails(TypedDict):
    status: Status
    at: datetime
    dependencies: Dependencies
    consumers: list[Consumer]


HEALTH_DETAILS: Final = Operation(
    "health_details",
    "How the service is: its dependencies, how far its consumers are behind, what is parked",
    {
        200: Answer("It is well, or goes on with less.", lambda schemas: schemas.of(HealthDetails)),
        503: Answer("What it depends on is down.", lambda schemas: schemas.of(HealthDetails)),
    },
)


def health_answer(health: Health) -> func.HttpResponse:
    """Returns a 503 for a service that is down, else a 200."""
    partitions: dict[str, list[PartitionLag]] = {}
    for lag in health.lags:
        partitions.setdefault(lag.consumer, []).append(lag)
    parked = Counter[str]()
    for consumer, count in health.parked.items():
        # A read model parks under the name of each generation.
        parked[consumer.partition("@")[0]] += count
    body = {
        "status": health.status,
        "at": time_at_rest(health.at),
        "dependencies": {"cosmos": health.store, "serviceBus": health.bus},
        "consumers": [
            {"consumer": name, "parked": count, **_lag(partitions.get(name, ()))} for name, count in parked.items()
        ],
    }
    return answer(body, status=503 if health.status == "down" else 200)


def _lag(partitions: Sequence[PartitionLag]) -> Mapping[str, Any]:
    """Consumers of the bus have none: the bus counts what waits there."""
    if not partitions:
        return {}
    return {
        "partitions": [
            {
                "partition": each.partition,
                "state": each.state,
                "documents": each.documents,
                "seconds": each.seconds if each.seconds is None else round(each.seconds, 1),
                "owner": each.owner,
                "age": each.age if each.age is None else round(each.age, 1),
            }
            for each in partitions
        ]
    }
