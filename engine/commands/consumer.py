"""The consumer of the queue `commands` carries out the commands of clients and processes, one at a time per stream."""

import asyncio
import logging
from dataclasses import dataclass

from engine.commands.group import Bundle
from engine.commands.handler import CommandHandler
from engine.commands.outcomes.port import Done, OutcomeStore, Refused
from engine.commands.refusals import Refusal, refusal_of
from engine.messaging.envelope import CommandEnvelope
from engine.messaging.port import Received
from engine.messaging.wire import EnvelopeCodec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandConsumer:
    commands: CommandHandler
    outcomes: OutcomeStore
    envelopes: EnvelopeCodec

    async def handle(self, received: Received) -> None:
        """Carries the command, or each one of a bundle, out once, however often it is delivered.

        A refusal is an outcome too. After another error, later commands of the bundle are not carried out. Raises
        UnreadableMessage, UnreadableMember, and the errors of `CommandHandler.handle` that are no refusals.
        """
        envelopes, bundle = self.envelopes.read_commands(received), Bundle()
        if received.deliveries > 1:
            # If one of them has ended the process that handled them, those before it are not taken along again.
            for envelope in envelopes:
                await self._carry_out(envelope, bundle)
            return
        answers = await asyncio.gather(*(self._carry_out(each, bundle) for each in envelopes), return_exceptions=True)
        for answer in answers:
            if answer is not None:
                raise answer

    async def _carry_out(self, envelope: CommandEnvelope, bundle: Bundle) -> None:
        if envelope.outcome and await self._is_decided(envelope.command_id):
            return
        aggregate = self.envelopes.aggregate_of(envelope.stream_id)
        try:
            result = await self.commands.handle(aggregate, envelope, bundle=bundle)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            await self._refused(envelope, refusal)
        else:
            if envelope.outcome:
                done = Done(envelope.fingerprint, result.stream_id, result.version)
                await self.outcomes.finish(envelope.command_id, done)

    async def _is_decided(self, command_id: str) -> bool:
        outcome = await self.outcomes.get(command_id)
        return outcome is not None and outcome.status != "pending"

    async def _refused(self, envelope: CommandEnvelope, refusal: Refusal) -> None:
        if envelope.outcome:
            await self.outcomes.finish(envelope.command_id, Refused(envelope.fingerprint, refusal))
        else:
            # A process waits for events, not for answers: the refusal is only logged.
            command = type(envelope.command).__name__
            _log.warning(
                "%s of %s for %s was refused: %s", command, envelope.origin.actor, envelope.stream_id, refusal.detail
            )
