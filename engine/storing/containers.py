"""The containers of the database: the one definition that provisioning, tests and infrastructure read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

TTL_PER_ITEM: Final = -1
"""Time to live is on, but no item expires unless it says so itself."""


@dataclass(frozen=True, slots=True)
class Container:
    """`indexed` are the indexed paths beside `id` and `_ts`; `default_ttl` is in seconds, None is off."""

    name: str
    partition_key: str
    unique_key: str | None = None
    indexed: tuple[str, ...] = ()
    default_ttl: int | None = None

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """Consistent with everything else excluded: `id` and `_ts` stay indexed, and a write pays for little more."""
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"{path}/?"} for path in self.indexed],
            "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        }


EVENTS: Final = Container("events", "/streamId", unique_key="/commandKey", indexed=("/commandKey", "/streamId"))
PARKED: Final = Container("parked", "/consumer")
OUTCOMES: Final = Container("commands", "/id", default_ttl=7 * 24 * 3600)
"""Outcomes of clients' asynchronous commands, for seven days."""
SNAPSHOTS: Final = Container("snapshots", "/streamId")
LEASES: Final = Container("leases", "/id", default_ttl=TTL_PER_ITEM)
"""The trigger's bootstrap lock expires by its own `ttl`: without it, a host that dies there blocks every later one."""


def containers(views: Iterable[Container]) -> tuple[Container, ...]:
    """All that a service needs: `views` are those of its read models."""
    return (EVENTS, SNAPSHOTS, *views, PARKED, OUTCOMES, LEASES)


Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What provisioning did with a container."""

    container: str
    outcome: Outcome
