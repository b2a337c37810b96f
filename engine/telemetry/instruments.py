"""Every metric of the service is defined here; docs/telemetry.md has the same table, which a test compares."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Instrument:
    """Defines a metric by OpenTelemetry's conventions; `unit` is in UCUM, and `attributes` tells its series apart.

    A bucket of a histogram ends at each of its `bounds`; those of the SDK are for milliseconds.
    """

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_ROUND_TRIP_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_REQUEST_UNITS: Final = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
"""These three are those of the conventions."""
_NUMBERS: Final = (1, 2, 5, 10, 20, 50, 100)

COMMAND_DURATION: Final = Instrument(
    "eventsourcing.command.duration",
    "histogram",
    "s",
    "From a command's arrival at its stream to its answer; its count is that of commands",
    ("command.type", "command.outcome", "command.source"),
    _SECONDS,
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
    _NUMBERS,
)
LOADS: Final = Instrument(
    "eventsourcing.load.duration",
    "histogram",
    "s",
    "One load of a stream whose state was not in the memory of the process",
    ("stream.category",),
    _SECONDS,
)
BATCH_SIZE: Final = Instrument(
    "eventsourcing.feed.batch.size",
    "histogram",
    "{event}",
    "The events of one batch of the change feed that its consumer follows",
    ("consumer.name",),
    _NUMBERS,
)
MESSAGE_DURATION: Final = Instrument(
    "messaging.process.duration",
    "histogram",
    "s",
    "One message of the bus, its retries included",
    ("messaging.destination.name", "error.type"),
    _SECONDS,
)
REQUEST_DURATION: Final = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "One round trip to Cosmos DB, whether or not it was answered",
    (
        *("db.system.name", "db.collection.name", "db.operation.name"),
        *("db.response.status_code", "error.type", "work"),
    ),
    _ROUND_TRIP_SECONDS,
)
REQUEST_CHARGE: Final = Instrument(
    "azure.cosmosdb.client.operation.request_charge",
    "histogram",
    "{request_unit}",
    "What one round trip to Cosmos DB cost, on behalf of which command, consumer or query",
    ("db.system.name", "db.collection.name", "db.operation.name", "work"),
    _REQUEST_UNITS,
)
START_DURATION: Final = Instrument(
    "eventsourcing.start.duration",
    "histogram",
    "s",
    "The parts of the start of a worker process: to import, and to connect",
    ("start.part",),
    _SECONDS,
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
