"""Who has which role on which resource, and why: infrastructure code reads it, and docs/security.md lists it."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Role:
    """Describes a role by its name in Azure; those on `cosmos` are roles of Cosmos DB, which are on its data alone.

    The operator is whom a deployer names, if anybody.
    """

    who: Literal["app", "operator"]
    on: Literal["cosmos", "bus", "storage", "telemetry", "group"]
    role: str
    why: str


ROLES: Final = (
    Role("app", "cosmos", "Cosmos DB Built-in Data Contributor", "Events, views and leases. It makes no container."),
    Role(
        "app",
        "bus",
        "Azure Service Bus Data Owner",
        "Sends and receives. Azure scales the app by the lengths of queues, which it reads as the app: it takes Owner.",
    ),
    Role("app", "storage", "Storage Blob Data Owner", "Keys of functions, locks of timers, and the deployed package."),
    Role("app", "telemetry", "Monitoring Metrics Publisher", "Sends its telemetry, for which no key is enough."),
    Role("operator", "cosmos", "Cosmos DB Built-in Data Contributor", "What commands of operate read and mend."),
    Role("operator", "bus", "Azure Service Bus Data Sender", "Sends dead letters again."),
    Role("operator", "bus", "Azure Service Bus Data Receiver", "Looks at dead letters, and takes them out."),
    Role(
        "operator", "group", "Monitoring Reader", "Reads logs, metrics, alerts and the workbook, and how all is set up."
    ),
)
