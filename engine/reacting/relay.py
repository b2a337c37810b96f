"""The relay sends from the change feed to the bus: every event, every issued command, and every input of a process.

The log is the outbox: no message is sent beside an append, so whatever is in the log reaches the bus, in the order of
its stream, and at least once. A batch that failed is delivered again as a whole; consumers recognise events and
commands by their ids.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.consuming.feed_items import by_stream
from engine.consuming.host_rewrites import as_written
from engine.deciding.process import Issued, Process
from engine.errors import AdapterError
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Bus, Message
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, REACTION_QUEUE
from engine.messaging.wire import EnvelopeCodec, event_message
from engine.storing.codec import EventCodec
from engine.storing.errors import UndecodableEvent
from engine.storing.events import StoredEvent
from engine.storing.port import EventStore

CONSUMER: Final = "relay"

OLDEST: Final = timedelta(hours=24)
"""Older events are sent only on request: a relay that lost its leases would begin with the first event of all."""

_ISSUED: Final = uuid.UUID("3d0f2c55-6f0c-5d0e-8a53-2f4b8a7c9e10")
"""This is the namespace of the ids of issued commands, which are derived from the event that holds them."""


class ReplayRefused(TransientFailure):
    """Is raised when the change feed has gone back too far.

    Nothing is sent until an operator allows it or sets the leases right.
    """


@dataclass(frozen=True, slots=True)
class Relay:
    """Sends what the events of a batch call for. Before `replay_until`, it sends events of any age."""

    store: EventStore
    codec: EventCodec
    envelopes: EnvelopeCodec
    processes: Sequence[Process[Any, Any, Any]]
    bus: Bus
    clock: Callable[[], datetime]
    replay_until: datetime | None = None

    async def run(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Sends all that the batch calls for. After an error, the same batch is safe to repeat.

        Raises TransientFailure when the repetition may succeed, PermanentFailure when it will not.
        """
        self._check_age(items)
        outgoing: dict[str, list[Message]] = {EVENT_TOPIC: [], COMMAND_QUEUE: [], REACTION_QUEUE: []}
        for stream_id, its_items in by_stream(items).items():
            try:
                for event in await as_written(self.store, stream_id, its_items):
                    for entity, message in self._messages(event):
                        outgoing[entity].append(message)
            except UndecodableEvent as error:
                raise PermanentFailure(CONSUMER, stream_id, str(error)) from error
            except AdapterError as error:
                raise TransientFailure(f"the relay waits with stream {stream_id}: {error}") from error
        try:
            for entity, messages in outgoing.items():
                if messages:
                    await self.bus.send(entity, messages)
        except AdapterError as error:
            raise TransientFailure(f"the relay waits for the bus: {error}") from error

    def _check_age(self, items: Iterable[Mapping[str, Any]]) -> None:
        now = self.clock()
        if self.replay_until is not None and now < self.replay_until:
            return
        oldest = min((item["_ts"] for item in items), default=None)
        if oldest is not None and datetime.fromtimestamp(oldest, UTC) < now - OLDEST:
            written = datetime.fromtimestamp(oldest, UTC).isoformat()
            raise ReplayRefused(
                f"the relay was given an event written at {written}, more than {OLDEST} ago, and sends nothing: "
                f"were its leases lost? RELAY_REPLAY_UNTIL names a time until which old events are sent again"
            )

    def _messages(self, event: StoredEvent) -> Iterator[tuple[str, Message]]:
        """Yields the messages that one event calls for, each with its entity.

        Raises NewerEvent and UndecodableEvent.
        """
        event_id, vocabulary = event.metadata.event_id, self.envelopes.vocabulary
        message = event_message(event, message_id=event_id, session_id=event.stream_id, vocabulary=vocabulary)
        yield EVENT_TOPIC, message
        happened = self.codec.event_of(event)
        for process in self.processes:
            category = process.aggregate.category
            entity_id = process.entity_id(happened)
            if entity_id is not None:
                message_id, session_id = f"{event.metadata.event_id}/{category}", process.aggregate.stream_id(entity_id)
                yield REACTION_QUEUE, replace(message, message_id=message_id, session_id=session_id)
            if event.stream_id.startswith(f"{category}-"):
                for index, issued in enumerate(process.issued(happened)):
                    entity = REACTION_QUEUE if issued.category == category else COMMAND_QUEUE
                    yield entity, self._command(event, index, issued, actor=category)

    def _command(self, event: StoredEvent, index: int, issued: Issued[Any], actor: str) -> Message:
        metadata = event.metadata
        command_id = str(uuid.uuid5(_ISSUED, f"{metadata.event_id}/{index}"))
        envelope = CommandEnvelope(
            stream_id=f"{issued.category}-{issued.entity_id}",
            command=issued.command,
            command_id=command_id,
            fingerprint=command_id,
            origin=Origin(actor, metadata.correlation_id, metadata.event_id, metadata.traceparent),
        )
        due = metadata.occurred_at + timedelta(seconds=issued.after_seconds)
        return self.envelopes.command_message(envelope, due if issued.after_seconds and due > self.clock() else None)
