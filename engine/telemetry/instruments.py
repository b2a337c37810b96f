"""Every metric of the service is defined here; docs/telemetry.md has the same table, which a test compares."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Instrument:
    """Defines a metric by OpenTelemetry's conventions; `unit` is in UCUM, and `attributes` tells its series apart."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    attributes: tuple[str, ...] = ()


COMMAND_DURATION: Final = Instrument(
    "eventsourcing.command.duration",
    "histogram",
    "s",
    "From a command's arrival at its stream to its answer; its count is that of commands",
    ("command.type", "command.outcome", "command.source"),
)
APPEND_DURATION: Final = Instrument(
    "eventsourcing.append.duration",
    "histogram",
    "s",
    "One attempt to append the events of a group; a conflict is another writer's win",
    ("stream.category", "append.outcome"),
)
GROUP_SIZE: Final = Instrument(
    "eventsourcing.group.size",
    "histogram",
    "{command}",
    "The commands that share one transaction",
    ("stream.category",),
)
STATE_LOOKUPS: Final = Instrument(
    "eventsourcing.state.lookups",
    "counter",
    "{lookup}",
    "How often a group found the state of its stream in the memory of its process",
    ("cache.hit",),
)
BATCH_SIZE: Final = Instrument(
    "eventsourcing.feed.batch.size",
    "histogram",
    "{event}",
    "The events of one batch of the change feed that its consumer follows",
    ("consumer.name",),
)
MESSAGE_DURATION: Final = Instrument(
    "messaging.process.duration",
    "histogram",
    "s",
    "One message of the bus, its retries included",
    ("messaging.destination.name", "error.type"),
)
REQUEST_DURATION: Final = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "One round trip to Cosmos DB",
    ("db.collection.name", "db.operation.name", "db.response.status_code", "work"),
)
REQUEST_CHARGE: Final = Instrument(
    "azure.cosmosdb.client.operation.request_charge",
    "histogram",
    "{request_unit}",
    "What one round trip to Cosmos DB cost, on behalf of which command, consumer or query",
    ("db.collection.name", "db.operation.name", "work"),
)
START_DURATION: Final = Instrument(
    "eventsourcing.start.duration",
    "histogram",
    "s",
    "The parts of the start of a worker process: to import, and to connect",
    ("start.part",),
)

INSTRUMENTS: Final = (
    COMMAND_DURATION,
    APPEND_DURATION,
    GROUP_SIZE,
    STATE_LOOKUPS,
    BATCH_SIZE,
    MESSAGE_DURATION,
    REQUEST_DURATION,
    REQUEST_CHARGE,
    START_DURATION,
)
