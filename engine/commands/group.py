"""A group is the commands that wait for one stream: each is decided on the state that the ones before it leave.

Their events go into one transaction, those of each command under its own command keys. What one of them raises (a
refusal, a defect, its size) is its own. Deciding a group needs no store.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from engine.commands.errors import CommandIdReused, PreconditionFailed
from engine.commands.stream_state import StreamState
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.messaging.envelope import CommandEnvelope
from engine.storing.codec import EventCodec
from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import MAX_EVENT_BYTES, MAX_EVENTS, MAX_TRANSACTION_BYTES, most_bytes, to_items
from engine.telemetry.spans import UNTRACED, Span


class CommandResult(NamedTuple):
    """Tells the version at which the command has left the stream, and the type of the event at that version."""

    stream_id: str
    version: int
    event_type: str


class BundleStopped(Exception):
    """Is raised for a command of a bundle behind one that has failed."""


@dataclass(slots=True)
class Bundle:
    """Is shared by the commands of a message: once one of them fails by its own fault, those behind it are stopped."""

    stopped: bool = False


@dataclass(eq=False, slots=True)
class Member:
    """Holds one command that waits for its answer; `alarms` are what its caller has to log."""

    aggregate: Aggregate[Any, Any, Any]
    envelope: CommandEnvelope
    probably_new: bool
    answer: "asyncio.Future[CommandResult]"
    bundle: Bundle | None = None
    span: Span = UNTRACED
    alarms: list[str] = field(default_factory=list)

    @property
    def command_id(self) -> str:
        return self.envelope.command_id

    @property
    def waits(self) -> bool:
        """Returns whether nobody has answered the command yet, and its caller has not left."""
        return not self.answer.done()

    def succeed(self, result: CommandResult) -> None:
        if self.waits:
            self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        if self.waits:
            self.answer.set_exception(error)

    def stop_by(self, error: Exception) -> None:
        """Fails by the command's own fault, and stops those behind it in its bundle."""
        self.fail(error)
        if self.bundle is not None:
            self.bundle.stopped = True

    def settle_by(self, events: Sequence[StoredEvent]) -> None:
        """Gives the first answer again if `events` has events of this command; they may be those of another request."""
        own = [event for event in events if event.command_id == self.command_id]
        if not own:
            return
        if own[0].metadata.fingerprint != self.envelope.fingerprint:
            self.fail(CommandIdReused())
        else:
            self.succeed(CommandResult(self.envelope.stream_id, own[-1].version, own[-1].type))


class Appending(NamedTuple):
    """These events follow from the command, and `result` is its answer once they are durable."""

    member: Member
    events: Sequence[StoredEvent]
    result: CommandResult


class Nothing(NamedTuple):
    """No event follows from the command: it is satisfied already, or `refusal` says why not."""

    member: Member
    result: CommandResult
    refusal: DomainError | PreconditionFailed | None

    def settle(self) -> None:
        if self.refusal is None:
            self.member.succeed(self.result)
        else:
            self.member.fail(self.refusal)


@dataclass(slots=True)
class Plan:
    """Says what follows from a group on the state `base`; `left` wait for the next group, in their order."""

    base: StreamState[Any]
    reached: StreamState[Any]
    appending: list[Appending] = field(default_factory=list)
    nothing: list[Nothing] = field(default_factory=list)
    left: list[Member] = field(default_factory=list)

    @property
    def events(self) -> list[StoredEvent]:
        return [event for each in self.appending for event in each.events]


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides groups. `new_id()` returns ids for events."""

    codec: EventCodec
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def plan(self, base: StreamState[Any], members: Sequence[Member]) -> Plan:
        """Returns the plan for the members that wait, in their order, as far as one transaction holds them.

        A command id comes once: a second command of the same id waits for the first, and those behind it with it. A
        member that fails by its own fault is answered at once.
        """
        plan, taken, room = Plan(base, base), set[str](), _Room()
        for number, member in enumerate(members):
            if not member.waits:
                continue
            if member.command_id in taken:
                plan.left += members[number:]
                break
            try:
                if member.bundle is not None and member.bundle.stopped:
                    raise BundleStopped("a command before it in its bundle has failed")
                decided = _decide(member, plan.reached)
                events = [self._stored(member, plan, event, index) for index, event in enumerate(decided)]
                reached = _reached(member, plan.reached, decided, events)
                fits = room.take(events)
            except (DomainError, PreconditionFailed) as refusal:
                plan.nothing.append(Nothing(member, _result(member, plan.reached), refusal))
            except Exception as error:  # noqa: BLE001 - whatever one member raises is its own
                member.stop_by(error)
            else:
                if not events:
                    plan.nothing.append(Nothing(member, _result(member, plan.reached), None))
                elif fits:
                    plan.appending.append(Appending(member, events, _result(member, reached)))
                    plan.reached = reached
                else:
                    plan.left += members[number:]
                    break
            taken.add(member.command_id)
        return plan

    def _stored(self, member: Member, plan: Plan, event: object, index: int) -> StoredEvent:
        type_, schema, data = self.codec.encode(event)
        envelope, origin = member.envelope, member.envelope.origin
        return StoredEvent(
            stream_id=envelope.stream_id,
            version=plan.reached.version + 1 + index,
            type=type_,
            schema=schema,
            command_key=f"{envelope.command_id}/{index}",
            data=data,
            metadata=Metadata(
                event_id=self.new_id(),
                occurred_at=max(self.clock(), plan.reached.occurred_at),
                correlation_id=origin.correlation_id,
                causation_id=origin.causation_id,
                traceparent=origin.traceparent,
                actor=origin.actor,
                fingerprint=envelope.fingerprint,
            ),
        )


@dataclass(slots=True)
class _Room:
    """Counts what one transaction still holds, by an upper bound of the bytes."""

    events: list[StoredEvent] = field(default_factory=list)
    bytes: int = 0

    def take(self, events: Sequence[StoredEvent]) -> bool:
        """Returns whether the events fit in with what was taken before. Raises AppendTooLarge if they never do."""
        if not self.events:
            # Mostly, a command is alone. The store measures what it is given, and refuses what is too large.
            self.events += events
            return True
        if not self.bytes:
            self.bytes = sum(map(most_bytes, self.events))
        size = sum(map(most_bytes, events))
        if len(events) > MAX_EVENTS or size > MAX_EVENT_BYTES:
            to_items(events)
        if len(self.events) + len(events) > MAX_EVENTS or self.bytes + size > MAX_TRANSACTION_BYTES:
            return False
        self.events += events
        self.bytes += size
        return True


def _decide(member: Member, state: StreamState[Any]) -> Sequence[object]:
    """Returns the events that follow from the command. Raises DomainError and PreconditionFailed."""
    expected = member.envelope.expected_version
    if expected is not None and expected != state.version:
        raise PreconditionFailed(expected, state.version)
    decided: Sequence[object] = member.aggregate.decider.decide(member.envelope.command, state.state)
    return decided


def _reached(
    member: Member, state: StreamState[Any], decided: Sequence[object], events: Sequence[StoredEvent]
) -> StreamState[Any]:
    return StreamState.at(member.aggregate.decider.fold(state.state, decided), events[-1]) if events else state


def _result(member: Member, state: StreamState[Any]) -> CommandResult:
    return CommandResult(member.envelope.stream_id, state.version, state.event_type)
