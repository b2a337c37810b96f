"""The consumer of the queue `reactions` passes events and timeouts to the process that they are about."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.commands.handler import CommandHandler
from engine.deciding.process import Process
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Received
from engine.messaging.wire import EnvelopeCodec, UnreadableMessage, body_of, event_of
from engine.storing.codec import EventCodec
from engine.storing.errors import NewerEvent

_REACTIONS: Final = uuid.UUID("c0a7f0b4-91a5-5b1c-9d0a-7c6b0f3f5a21")
"""This is the namespace of the command ids of reactions: a process reacts to an event once."""


class ReactionConsumer:
    """Appends the reaction of a process to each input once, however often the input is delivered."""

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
        """Returns once the process has reacted to the input.

        Raises UnreadableMessage, and the errors of the event codec and of `CommandHandler.handle`.
        """
        process = self._processes.get((received.session_id or "").partition("-")[0])
        if process is None:
            raise UnreadableMessage(f"session {received.session_id} belongs to no process")
        body = body_of(received)
        if "commandId" in body:
            envelope = self._envelopes.command_of(body, received.session_id)
        else:
            envelope = self._reaction(process, body, str(received.session_id))
        await self._commands.handle(process.aggregate, envelope)

    def _reaction(self, process: Process[Any, Any, Any], body: Mapping[str, Any], session_id: str) -> CommandEnvelope:
        """Returns the command envelope that passes the event to the process.

        Raises UnreadableMessage and UndecodableEvent.
        """
        stored = event_of(body)
        try:
            event = self._codec.event_of(stored)
        except NewerEvent as error:
            raise UnreadableMessage(str(error)) from error
        entity_id = process.entity_id(event)
        if entity_id is None or process.aggregate.stream_id(entity_id) != session_id:
            raise UnreadableMessage(f"{stored.type} of {stored.stream_id} does not concern {session_id}")
        metadata, category = stored.metadata, process.aggregate.category
        return CommandEnvelope(
            stream_id=session_id,
            command=event,
            command_id=str(uuid.uuid5(_REACTIONS, f"{metadata.event_id}/{category}")),
            fingerprint=metadata.event_id,
            origin=Origin(category, metadata.correlation_id, metadata.event_id, metadata.traceparent),
        )
