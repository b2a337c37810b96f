"""The answer of `GET /health/details`: what is found, and nothing by which anybody gets in."""

from collections.abc import Mapping, Sequence
from typing import Any

import azure.functions as func

from engine.consuming.health import Health
from engine.consuming.lag import PartitionLag
from engine.storing.events import time_at_rest
from engine.triggers.http_answers import answer


def health_answer(health: Health) -> func.HttpResponse:
    """Returns a 503 for a service that is down, else a 200."""
    partitions: dict[str, list[PartitionLag]] = {}
    for lag in health.lags:
        partitions.setdefault(lag.consumer, []).append(lag)
    body = {
        "status": health.status,
        "at": time_at_rest(health.at),
        "dependencies": {"cosmos": health.store, "serviceBus": health.bus},
        "consumers": [
            {"consumer": name, "parked": count, **_lag(partitions.get(name, ()))}
            for name, count in health.parked.items()
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
