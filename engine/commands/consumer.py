"""The consumer of the queue `commands`: what clients and processes have asked for, one at a time per stream."""

import logging
from dataclasses import dataclass

from engine.commands.handler import CommandContext, CommandHandler
from engine.commands.outcomes.port import Done, OutcomeStore, Refused
from engine.commands.refusals import Refusal, refusal_of
from engine.messaging.envelope import CommandEnvelope, EnvelopeCodec
from engine.messaging.port import Received

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandConsumer:
    commands: CommandHandler
    outcomes: OutcomeStore
    envelopes: EnvelopeCodec

    async def handle(self, received: Received) -> None:
        """Carries the command out, once, however often it comes. A refusal is an outcome too.

        Raises UnreadableMessage, NewerMessage, and what keeps the command from being carried out.
        """
        envelope = self.envelopes.read_command(received)
        if envelope.outcome and await self._is_decided(envelope.command_id):
            return
        aggregate = self.envelopes.aggregate_of(envelope.stream_id)
        try:
            answer = await self.commands.handle(aggregate, envelope.stream_id, envelope.command, context_of(envelope))
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            await self._refused(envelope, refusal)
        else:
            if envelope.outcome:
                done = Done(envelope.fingerprint, answer.stream_id, answer.version)
                await self.outcomes.finish(envelope.command_id, done)

    async def _is_decided(self, command_id: str) -> bool:
        outcome = await self.outcomes.get(command_id)
        return outcome is not None and outcome.status != "pending"

    async def _refused(self, envelope: CommandEnvelope, refusal: Refusal) -> None:
        if envelope.outcome:
            await self.outcomes.finish(envelope.command_id, Refused(envelope.fingerprint, refusal))
        else:
            # A process waits for facts, not for answers: nobody is told.
            command = type(envelope.command).__name__
            _log.warning("%s of %s for %s was refused: %s", command, envelope.actor, envelope.stream_id, refusal.detail)


def context_of(envelope: CommandEnvelope) -> CommandContext:
    """What the command handler is told of a command that came over the bus."""
    return CommandContext(
        command_id=envelope.command_id,
        fingerprint=envelope.fingerprint,
        actor=envelope.actor,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        traceparent=envelope.traceparent,
        expected_version=envelope.expected_version,
    )


def envelope_of(context: CommandContext, stream_id: str, command: object) -> CommandEnvelope:
    """A client's command for the bus: `context_of` gives its context back."""
    return CommandEnvelope(
        command_id=context.command_id,
        stream_id=stream_id,
        command=command,
        fingerprint=context.fingerprint,
        actor=context.actor,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
        traceparent=context.traceparent,
        outcome=True,
        expected_version=context.expected_version,
    )
