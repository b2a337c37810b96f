"""An asynchronous command is accepted with a pending outcome, and carried out later, in order, by the bus."""

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
        """Returns the outcome, once the bus has the command or the outcome is final already.

        The pending outcome is written first: if sending fails, a repeated request finds it and sends again, under the
        same message id. Raises CommandIdReused, and the AdapterErrors of both ports, Unavailable and AccessRefused
        among them.
        """
        awaited = envelope._replace(outcome=True)
        outcome = await self.outcomes.begin(envelope.command_id, envelope.fingerprint)
        if outcome.fingerprint != envelope.fingerprint:
            raise CommandIdReused
        if outcome.status == "pending":
            await self.bus.send(COMMAND_QUEUE, [self.envelopes.command_message(awaited)])
        return outcome

    async def outcome(self, command_id: str) -> Outcome | None:
        """Returns the outcome; None for a command that was never accepted, or is older than outcomes are kept.

        Raises Unavailable and AccessRefused.
        """
        return await self.outcomes.get(command_id)
