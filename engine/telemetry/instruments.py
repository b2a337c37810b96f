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
APPEND_DURATION: Final = Instrument(
    "eventsourcing.append.duration",
    "histogram",
    "s",
    "One attempt to append events, whether another writer has won (error.type) or not",
    ("stream.category", "error.type"),
    _ROUND_TRIP_SECONDS,
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
CACHE_REQUESTS: Final = Instrument(
    "eventsourcing.cache.requests",
    "counter",
    "{request}",
    "How often a turn needed the state of a stream, and whether it was in the memory of the process: hit or miss",
    ("stream.category", "cache.result"),
)
BATCH_SIZE: Final = Instrument(
    "eventsourcing.feed.batch.size",
    "histogram",
    "{event}",
    "The events of one batch of the change feed that its consumer follows",
    ("consumer.name",),
    _NUMBERS,
)
ATTEMPT_DURATION: Final = Instrument(
    "eventsourcing.feed.attempt.duration",
    "histogram",
    "s",
    "One attempt of a function at a batch of the change feed, its waits included",
    ("consumer.name", "error.type"),
    _SECONDS,
)
MESSAGE_DURATION: Final = Instrument(
    "messaging.process.duration",
    "histogram",
    "s",
    "One message of the bus, its retries included",
    ("messaging.destination.name", "error.type"),
    _SECONDS,
)
MESSAGES_SENT: Final = Instrument(
    "messaging.client.sent.messages",
    "counter",
    "{message}",
    "The messages that the bus has accepted, on behalf of which command, consumer or query",
    ("messaging.destination.name", "work"),
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
HTTP_DURATION: Final = Instrument(
    "http.server.request.duration",
    "histogram",
    "s",
    "One request of a client, from its arrival at the function to its answer",
    ("http.request.method", "http.route", "http.response.status_code"),
    _SECONDS,
)
TIMER_DURATION: Final = Instrument(
    "eventsourcing.timer.duration",
    "histogram",
    "s",
    "One run of a timer",
    ("timer.name", "error.type"),
    _SECONDS,
)
START_DURATION: Final = Instrument(
    "eventsourcing.start.duration",
    "histogram",
    "s",
    "The parts of the start of a worker process: to import, and to connect",
    ("start.part",),
    _SECONDS,
)
PROCESS_UPTIME: Final = Instrument(
    "process.uptime", "gauge", "s", "For how long the process has run that exports, since it was loaded"
)
FEED_LAG: Final = Instrument(
    "eventsourcing.feed.lag.appends",
    "gauge",
    "{append}",
    "What was written and a consumer of the feed has not handled, in one partition",
    ("consumer.name", "messaging.destination.partition.id"),
)
FEED_LAG_DURATION: Final = Instrument(
    "eventsourcing.feed.lag.duration",
    "gauge",
    "s",
    "For how long the first of it has waited; 0 where nothing does",
    ("consumer.name", "messaging.destination.partition.id"),
)
FEED_PARTITIONS: Final = Instrument(
    "eventsourcing.feed.partitions",
    "gauge",
    "{partition}",
    "The partitions of the feed, by what has become of a consumer's lease: owned, unowned, expired or missing",
    ("consumer.name", "lease.state"),
)
PARKED: Final = Instrument(
    "eventsourcing.parked",
    "gauge",
    "{item}",
    "What a consumer has parked: streams of the feed, or sessions and single messages of the bus",
    ("consumer.name",),
)
DEAD_LETTERS: Final = Instrument(
    "eventsourcing.dead_letters",
    "gauge",
    "{message}",
    "The dead letters of an entity of the bus; 100 are that many or more",
    ("messaging.destination.name",),
)

INSTRUMENTS: Final = (
    COMMAND_DURATION,
    APPEND_DURATION,
    CONFLICTS,
    GROUP_SIZE,
    LOADS,
    CACHE_REQUESTS,
    BATCH_SIZE,
    ATTEMPT_DURATION,
    MESSAGE_DURATION,
    MESSAGES_SENT,
    REQUEST_DURATION,
    REQUEST_CHARGE,
    HTTP_DURATION,
    TIMER_DURATION,
    START_DURATION,
    PROCESS_UPTIME,
    FEED_LAG,
    FEED_LAG_DURATION,
    FEED_PARTITIONS,
    PARKED,
    DEAD_LETTERS,
)
