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
CONFLICTS: Final = Instrument(
    "eventsourcing.append.conflicts",
    "counter",
    "{conflict}",
    "How often another writer of the stream has won",
    ("stream.category",),
)
GROUP_SIZE: Final = Instrument(
    "eventsourcing.group.size",
    "histogram",
    "{command}",
    "The commands that share one transaction",
    ("stream.category",),
)
LOADS: Final = Instrument(
    "eventsourcing.load.duration",
    "histogram",
    "s",
    "One load of a stream whose state was not in the memory of the process",
    ("stream.category",),
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
    CONFLICTS,
    GROUP_SIZE,
    LOADS,
    BATCH_SIZE,
    MESSAGE_DURATION,
    REQUEST_DURATION,
    REQUEST_CHARGE,
    START_DURATION,
)
