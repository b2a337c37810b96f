"""The consumer of the queue `reactions`: what happened, and timeouts, to the process that they are about."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.commands.consumer import context_of
from engine.commands.handler import CommandContext, CommandHandler
from engine.deciding.process import Process
from engine.messaging.envelope import EnvelopeCodec, UnreadableMessage, body_of, event_of
from engine.messaging.port import Received
from engine.storing.codec import EventCodec

_REACTIONS: Final = uuid.UUID("c0a7f0b4-91a5-5b1c-9d0a-7c6b0f3f5a21")
"""The namespace of the ids under which processes react: the same event is reacted to once."""


class ReactionConsumer:
    """Appends to a process what it makes of each input, once, however often that comes."""

    def __init__(
        self,
        commands: CommandHandler,
        codec: EventCodec,
        envelopes: EnvelopeCodec,
        processes: Iterable[Process[Any, Any, Any]],
    ) -> None:
        self._commands = commands
        self._codec = codec
        self._envelopes = envelopes
        self._processes = {process.aggregate.category: process for process in processes}

    async def handle(self, received: Received) -> None:
        """Raises UnreadableMessage, NewerMessage, and what keeps the process from reacting."""
        process = self._processes.get((received.session_id or "").partition("-")[0])
        if process is None:
            raise UnreadableMessage(f"session {received.session_id} belongs to no process")
        body = body_of(received)
        if "commandId" in body:
            envelope = self._envelopes.command_of(body, received.session_id)
            happened, context = envelope.command, context_of(envelope)
        else:
            happened, context = self._event(process, body, received)
        await self._commands.handle(process.aggregate, str(received.session_id), happened, context)

    def _event(
        self, process: Process[Any, Any, Any], body: Mapping[str, Any], received: Received
    ) -> tuple[object, CommandContext]:
        stored = event_of(body)
        happened = self._codec.event_of(stored)
        entity_id = process.entity_id(happened)
        if entity_id is None or process.aggregate.stream_id(entity_id) != received.session_id:
            raise UnreadableMessage(f"{stored.type} of {stored.stream_id} does not concern {received.session_id}")
        metadata, category = stored.metadata, process.aggregate.category
        return happened, CommandContext(
            command_id=str(uuid.uuid5(_REACTIONS, f"{metadata.event_id}/{category}")),
            fingerprint=metadata.event_id,
            actor=category,
            correlation_id=metadata.correlation_id,
            causation_id=metadata.event_id,
            traceparent=metadata.traceparent,
        )
