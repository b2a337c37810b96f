"""This is the only definition of the database's containers; provisioning and tests read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

TTL_PER_ITEM: Final = -1
"""Time to live is on, but an item expires only if it has a `ttl` of its own."""


@dataclass(frozen=True, slots=True)
class Container:
    """Defines one container. `indexed` lists the indexed paths beside `id` and `_ts`.

    `default_ttl` is in seconds; with None, items do not expire.
    """

    name: str
    partition_key: str
    unique_key: str | None = None
    indexed: tuple[str, ...] = ()
    default_ttl: int | None = None

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """Indexes the paths in `indexed`, consistently, and excludes all others, so that a write costs little more.

        `id` and `_ts` are always indexed.
        """
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"{path}/?"} for path in self.indexed],
            "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        }


EVENTS: Final = Container("events", "/streamId", unique_key="/commandKey", indexed=("/commandKey", "/streamId"))
PARKED: Final = Container("parked", "/consumer")
GENERATIONS: Final = Container("generations", "/id")
"""Keeps an item per read model: which generations are written, and which one serves."""
OUTCOMES: Final = Container("commands", "/id", default_ttl=7 * 24 * 3600)
"""Keeps the outcomes of clients' asynchronous commands for seven days."""
SNAPSHOTS: Final = Container("snapshots", "/streamId")
LEASES: Final = Container("leases", "/id", default_ttl=TTL_PER_ITEM)
"""The trigger's bootstrap lock expires by its own `ttl`; otherwise a host that dies with it blocks every later host."""


def containers(views: Iterable[Container]) -> tuple[Container, ...]:
    """Returns all containers of a service; `views` are the containers of its read models."""
    return (EVENTS, SNAPSHOTS, *views, PARKED, GENERATIONS, OUTCOMES, LEASES)


Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Says what provisioning did with one container."""

    container: str
    outcome: Outcome
