"""The relay sends from the change feed to the bus: every event, every issued command, and every input of a process.

The log is the outbox: no message is sent beside an append, so whatever is in the log reaches the bus, in the order of
its stream, and at least once. A batch that failed is delivered again as a whole; the relay goes on with what the bus
has not accepted, as far as it remembers, and consumers recognise events and commands by their ids. Commands that a
batch has for one stream go in bundles. A stream that cannot be sent is parked, and none of its later events is sent
before a release has sent it from there on.
"""

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from engine.consuming import observed
from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.consuming.feed_items import by_stream
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.host_rewrites import as_written
from engine.consuming.throttling import LONGEST, Attempt
from engine.deciding.process import Issued, Process
from engine.errors import AdapterError
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Bus, Message, MessageTooLarge
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, REACTION_QUEUE, RELAYED
from engine.messaging.wire import EnvelopeCodec, bundled, event_message, singly
from engine.storing.codec import EventCodec
from engine.storing.events import StoredEvent
from engine.storing.port import EventStore

CONSUMER: Final = "relay"

OLDEST: Final = timedelta(hours=24)
"""Older events are sent only on request: a relay that lost its leases would begin with the first event of all."""

_REMEMBERED: Final = 100_000
"""When more messages than these are remembered as accepted, all are forgotten: they are sent again then."""

_ISSUED: Final = uuid.UUID("3d0f2c55-6f0c-5d0e-8a53-2f4b8a7c9e10")
"""This is the namespace of the ids of issued commands, which are derived from the event that holds them."""


class ReplayRefused(TransientFailure):
    """Is raised when the change feed has gone back too far.

    Nothing is sent until an operator allows it or sets the leases right.
    """


def issued_id(event_id: str, index: int) -> str:
    """Returns the id of the command that the event of a process holds at this place, from 0."""
    return str(uuid.uuid5(_ISSUED, f"{event_id}/{index}"))


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """Is what an event calls for: a message for an entity."""

    event: StoredEvent
    entity: str
    message: Message

    @property
    def key(self) -> tuple[str, str]:
        return self.entity, self.message.message_id


@dataclass(frozen=True, slots=True)
class Relay:
    """Sends what the events of a batch call for. Before `replay_until`, it sends events of any age."""

    store: EventStore
    codec: EventCodec
    envelopes: EnvelopeCodec
    processes: Sequence[Process[Any, Any, Any]]
    bus: Bus
    runner: FeedRunner
    replay_until: datetime | None = None
    _accepted: set[tuple[str, str]] = field(default_factory=set, init=False)
    """Holds entity and id of each message that the bus has accepted of a batch that is not sent whole yet."""

    @property
    def consumer(self) -> FeedConsumer:
        """Sends what the events of one stream call for, whatever their age; for a release."""
        return FeedConsumer(CONSUMER, lambda _: True, self._send_again, never_overtakes=True)

    async def run(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Sends all that the batch calls for. After an error, the same batch is safe to repeat.

        What cannot be read, or is too large for the bus, parks its stream. Raises TransientFailure, once all else was
        sent, when the batch has to be tried again.
        """
        self._check_age(items)
        if streams := by_stream(items):
            # It has ended once the bus has accepted what the batch calls for.
            with observed.batch(CONSUMER, streams) as batch:
                await self._run(streams, batch.traceparent)

    async def _run(self, streams: Mapping[str, Sequence[Mapping[str, Any]]], batch: str) -> None:
        begun = self.runner.clock()
        read: dict[str, Sequence[_Outgoing]] = {}

        async def keep(stream_id: str, its_items: Sequence[Mapping[str, Any]]) -> None:
            read[stream_id] = await self._read(stream_id, its_items)

        failures: list[TransientFailure] = []
        try:
            reading = replace(self.consumer, apply=keep, step="read")
            await self.runner.run_streams(reading, streams, batch, LONGEST / 2)
        except TransientFailure as error:
            failures.append(error)
        outgoing = [each for stream_id in streams for each in read.get(stream_id, ())]
        refused = await self._send(begun + LONGEST, outgoing)
        failures += await self.runner.park(
            CONSUMER, {stream_id: (streams[stream_id], error) for stream_id, error in refused.items()}
        )
        if failures:
            raise failures[0]
        self._accepted.difference_update(each.key for each in outgoing)

    async def _read(self, stream_id: str, items: Iterable[Mapping[str, Any]]) -> Sequence[_Outgoing]:
        events = await as_written(self.store, stream_id, items)
        return [_Outgoing(event, *each) for event in events for each in self._messages(event)]

    async def _send_again(self, stream_id: str, items: Iterable[Mapping[str, Any]]) -> None:
        outgoing = await self._read(stream_id, items)
        refused = await self._send(self.runner.clock() + LONGEST, outgoing)
        self._accepted.difference_update(each.key for each in outgoing)
        if refused:
            raise refused[stream_id]

    async def _send(self, deadline: datetime, outgoing: Iterable[_Outgoing]) -> Mapping[str, PermanentFailure]:
        """Sends to all entities side by side; returns the streams that have a message which the bus does not carry."""
        if len(self._accepted) > _REMEMBERED:
            # They are of batches that other hosts went on with.
            self._accepted.clear()
        attempt = Attempt(deadline, self.runner.clock, self.runner.pause)
        by_entity: dict[str, list[_Outgoing]] = {entity: [] for entity in RELAYED}
        for each in outgoing:
            by_entity[each.entity].append(each)
        refused: dict[str, PermanentFailure] = {}
        # All of them come to their end: what one entity accepts is remembered though another one fails.
        sent = [self._send_to(attempt, entity, its, refused) for entity, its in by_entity.items()]
        for failure in await asyncio.gather(*sent, return_exceptions=True):
            if failure is not None:
                raise failure
        return refused

    async def _send_to(
        self, attempt: Attempt, entity: str, outgoing: Iterable[_Outgoing], refused: dict[str, PermanentFailure]
    ) -> None:
        """Sends the messages that the bus has not accepted yet, those of a session in their order.

        Once a stream is `refused`, nothing more is sent of it.
        """
        # What was accepted is remembered by command: a batch that comes again may be split otherwise.
        split = bundled if entity == COMMAND_QUEUE else singly
        left = {each.message.message_id: each for each in outgoing if each.key not in self._accepted}
        while left := {name: each for name, each in left.items() if each.event.stream_id not in refused}:
            if attempt.is_over:
                raise TransientFailure(f"the relay goes on in another attempt: {len(left)} messages for {entity} wait")
            sendings = {each.message.message_id: each for each in split([each.message for each in left.values()])}
            messages = [each.message for each in sendings.values()]
            try:
                accepted = await attempt.unthrottled(partial(self.bus.send, entity, messages))
            except MessageTooLarge as error:
                # It is the first one, and no bundle: the bus takes that, whatever else it takes.
                event = next(iter(left.values())).event
                reason = f"event {event.version} ({event.type}) cannot be sent: {error}"
                refused[event.stream_id] = PermanentFailure(CONSUMER, event.stream_id, reason, event.version)
            except AdapterError as error:
                raise TransientFailure(f"the relay waits for the bus: {error}") from error
            else:
                for message in accepted:
                    for member in sendings[message.message_id].members:
                        del left[member.message_id]
                        self._accepted.add((entity, member.message_id))

    def _check_age(self, items: Iterable[Mapping[str, Any]]) -> None:
        now = self.runner.clock()
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
        command_id = issued_id(metadata.event_id, index)
        envelope = CommandEnvelope(
            stream_id=f"{issued.category}-{issued.entity_id}",
            command=issued.command,
            command_id=command_id,
            fingerprint=command_id,
            origin=Origin(actor, metadata.correlation_id, metadata.event_id, metadata.traceparent),
        )
        due = metadata.occurred_at + timedelta(seconds=issued.after_seconds)
        return self.envelopes.command_message(
            envelope, due if issued.after_seconds and due > self.runner.clock() else None
        )
