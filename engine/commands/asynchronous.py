"""Commands that a client does not wait for: accepted with a pending outcome, carried out in order by the bus."""

from dataclasses import dataclass

from engine.commands.errors import CommandIdReused
from engine.commands.outcomes.port import Outcome, OutcomeStore
from engine.messaging.envelope import CommandEnvelope
from engine.messaging.port import Bus
from engine.messaging.topology import COMMAND_QUEUE
from engine.messaging.wire import EnvelopeCodec


@dataclass(frozen=True, slots=True)
class AsynchronousCommands:
    outcomes: OutcomeStore
    bus: Bus
    envelopes: EnvelopeCodec

    async def accept(self, envelope: CommandEnvelope) -> Outcome:
        """Returns once the bus has the command, or its outcome is known.

        The outcome comes first: if the sending fails, the same request finds it pending and sends again, under the
        same message id. Raises CommandIdReused, AdapterError, Unavailable and AccessRefused.
        """
        awaited = envelope._replace(outcome=True)
        outcome = await self.outcomes.begin(envelope.command_id, envelope.fingerprint)
        if outcome.fingerprint != envelope.fingerprint:
            raise CommandIdReused
        if outcome.status == "pending":
            await self.bus.send(COMMAND_QUEUE, [self.envelopes.command_message(awaited)])
        return outcome

    async def outcome(self, command_id: str) -> Outcome | None:
        """None for a command that was never accepted, or is older than outcomes are kept. Raises as the store does."""
        return await self.outcomes.get(command_id)
