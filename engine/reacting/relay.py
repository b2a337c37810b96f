"""The relay sends from the change feed to the bus: every event, every issued command, and every input of a process.

The log is the outbox: no message is sent beside an append, so whatever is in the log reaches the bus, in the order of
its stream, and at least once. A batch that failed is delivered again as a whole; the relay goes on with what the bus
has not accepted, as far as it remembers, and consumers recognise events and commands by their ids. Commands that a
batch has for one stream go in bundles.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from engine.consuming.errors import ConsumerError, PermanentFailure, TransientFailure
from engine.consuming.feed_items import by_stream
from engine.consuming.host_rewrites import as_written
from engine.consuming.throttling import LONGEST, Attempt
from engine.deciding.process import Issued, Process
from engine.errors import AdapterError
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Bus, Message
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, REACTION_QUEUE, RELAYED
from engine.messaging.wire import EnvelopeCodec, bundled, event_message, singly
from engine.storing.codec import EventCodec
from engine.storing.errors import UndecodableEvent
from engine.storing.events import StoredEvent
from engine.storing.port import EventStore

CONSUMER: Final = "relay"

OLDEST: Final = timedelta(hours=24)
"""Older events are sent only on request: a relay that lost its leases would begin with the first event of all."""

_REMEMBERED: Final = 100_000
"""When more messages than these are remembered as accepted, all are forgotten: they are sent again then."""

_ISSUED: Final = uuid.UUID("3d0f2c55-6f0c-5d0e-8a53-2f4b8a7c9e10")
"""This is the namespace of the ids of issued commands, which are derived from the event that holds them."""


_log = logging.getLogger(__name__)


class ReplayRefused(TransientFailure):
    """Is raised when the change feed has gone back too far.

    Nothing is sent until an operator allows it or sets the leases right.
    """


@dataclass(frozen=True, slots=True)
class Relay:
    """Sends what the events of a batch call for. Before `replay_until`, it sends events of any age.

    `pause(seconds)` waits.
    """

    store: EventStore
    codec: EventCodec
    envelopes: EnvelopeCodec
    processes: Sequence[Process[Any, Any, Any]]
    bus: Bus
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]
    replay_until: datetime | None = None
    _accepted: set[tuple[str, str]] = field(default_factory=set, init=False)
    """Holds entity and id of each message that the bus has accepted of a batch that is not sent whole yet."""

    async def run(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Sends all that the batch calls for. After an error, the same batch is safe to repeat.

        What cannot be read holds back its stream alone, until the others are sent. Raises TransientFailure when the
        repetition may succeed, PermanentFailure when it will not.
        """
        self._check_age(items)
        begun = self.clock()
        reading = Attempt(begun + LONGEST / 2, self.clock, self.pause)
        sending = Attempt(begun + LONGEST, self.clock, self.pause)
        if len(self._accepted) > _REMEMBERED:
            # They are of batches that other hosts went on with.
            self._accepted.clear()
        outgoing: dict[str, list[Message]] = {entity: [] for entity in RELAYED}
        failures: list[ConsumerError] = []
        for stream_id, its_items in by_stream(items).items():
            try:
                for entity, message in await self._read(reading, stream_id, its_items):
                    outgoing[entity].append(message)
            except ConsumerError as error:
                _log.error("%s", error)
                failures.append(error)
        # All of them come to their end: what one entity accepts is remembered though another one fails.
        sent = [self._send(sending, entity, messages) for entity, messages in outgoing.items()]
        for failure in await asyncio.gather(*sent, return_exceptions=True):
            if failure is not None:
                raise failure
        if failures:
            permanent = [failure for failure in failures if isinstance(failure, PermanentFailure)]
            raise (permanent or failures)[0]
        for entity, messages in outgoing.items():
            self._accepted.difference_update((entity, message.message_id) for message in messages)

    async def _read(
        self, attempt: Attempt, stream_id: str, items: Iterable[Mapping[str, Any]]
    ) -> Sequence[tuple[str, Message]]:
        """Returns the messages that the items of one stream call for, each with its entity. Raises ConsumerError."""
        try:
            events = await attempt.unthrottled(partial(as_written, self.store, stream_id, items))
            return [each for event in events for each in self._messages(event)]
        except UndecodableEvent as error:
            raise PermanentFailure(CONSUMER, stream_id, str(error)) from error
        except AdapterError as error:
            raise TransientFailure(f"the relay waits with stream {stream_id}: {error}") from error

    async def _send(self, attempt: Attempt, entity: str, messages: Iterable[Message]) -> None:
        """Sends the messages that the bus has not accepted yet, those of a session in their order."""
        left = {each.message_id: each for each in messages if (entity, each.message_id) not in self._accepted}
        # What was accepted is remembered by command: a batch that comes again may be split otherwise.
        split = bundled if entity == COMMAND_QUEUE else singly
        rest = {each.message.message_id: each for each in split(left.values())}
        while rest:
            if attempt.is_over:
                raise TransientFailure(f"the relay goes on in another attempt: {len(rest)} messages for {entity} wait")
            try:
                outgoing = [each.message for each in rest.values()]
                accepted = await attempt.unthrottled(partial(self.bus.send, entity, outgoing))
            except AdapterError as error:
                raise TransientFailure(f"the relay waits for the bus: {error}") from error
            for message in accepted:
                members = rest.pop(message.message_id).members
                self._accepted.update((entity, each.message_id) for each in members)

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
