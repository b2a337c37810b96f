"""The command handler is the only way in which a command changes a stream: it loads, decides and appends.

Three rules make its results right under retries, stale caches and lagging replicas:

- After a conflict, it looks the command up before it decides again: if the events of the other writer are the
  command's own, it returns the first result again.
- A result that appends nothing (a refusal, a no-op, a failed precondition) never rests on the cache alone: the same
  look-up runs first, and the primary replica confirms that there are no newer events.
- An attempt holds the stream lock; the pause between two attempts does not.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from engine.commands.errors import CommandIdReused, PreconditionFailed, TooBusy
from engine.commands.loading import Loaded, Loader
from engine.commands.stream_locks import LONGEST_WAIT, StreamLocks
from engine.commands.stream_state import StreamState, StreamStateCache
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.messaging.envelope import CommandEnvelope
from engine.storing.codec import EventCodec
from engine.storing.errors import HistoryLost, StreamFull, WrongExpectedVersion
from engine.storing.events import Metadata, StoredEvent
from engine.storing.limits import Limits
from engine.storing.port import PAGE, EventStore
from engine.storing.snapshots import SnapshotStore

C = TypeVar("C")
S = TypeVar("S")

MAX_ATTEMPTS: Final = 10
SNAPSHOT_EVERY: Final = 50
SNAPSHOT_AFTER_FOLDING: Final = 500
CACHE_BYTES: Final = 64 * 1024 * 1024

_log = logging.getLogger(__name__)


class CommandResult(NamedTuple):
    """Tells the version at which the command has left the stream, and the type of the event at that version."""

    stream_id: str
    version: int
    event_type: str


class _Committed(NamedTuple):
    """The events of the command are durable."""

    result: CommandResult


class _AlreadyDone(NamedTuple):
    """The events of the command were durable before this attempt."""

    result: CommandResult


class _Confirmed(NamedTuple):
    """No event follows from the command, and the primary replica has confirmed that there is no newer event."""

    result: CommandResult
    refusal: DomainError | PreconditionFailed | None


class _Stale(NamedTuple):
    """The stream has newer events than those decided on. `newer` is the state with them; None: load again."""

    newer: StreamState[Any] | None


class _Gone(NamedTuple):
    """The store has lost events that this instance had seen."""


_Step = _Committed | _AlreadyDone | _Confirmed | _Stale | _Gone


@dataclass(slots=True)
class _Work:
    """Holds one command and what its attempts have learnt."""

    aggregate: Aggregate[Any, Any, Any]
    envelope: CommandEnvelope
    stream_id: str
    probably_new: bool
    trust_snapshot: bool = True
    snapshot_due: StreamState[Any] | None = None

    def has_folded(self, loaded: Loaded) -> None:
        if loaded.folded > SNAPSHOT_AFTER_FOLDING:
            self.snapshot_due = loaded.state


@dataclass(frozen=True, slots=True)
class CommandHandler:
    """Carries out commands. `pause(attempt)` waits between attempts; `new_id()` returns ids for events."""

    store: EventStore
    snapshots: SnapshotStore
    codec: EventCodec
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    pause: Callable[[int], Awaitable[None]]
    cache: StreamStateCache = field(default_factory=lambda: StreamStateCache(CACHE_BYTES))
    locks: StreamLocks = field(default_factory=StreamLocks)
    limits: Limits = field(default_factory=Limits)

    async def handle(
        self, aggregate: Aggregate[Any, Any, Any], envelope: CommandEnvelope, *, probably_new: bool = False
    ) -> CommandResult:
        """Returns the result once the events of the command are durable, by this call or an earlier one.

        If no events follow, it returns the version that the stream is at. `probably_new` saves the load of a stream
        that the command is expected to start. Raises DomainError when the business rules reject the command, and
        CommandError and AdapterError as their modules describe.
        """
        work = _Work(aggregate, envelope, envelope.stream_id, probably_new)
        give_up_at = asyncio.get_running_loop().time() + LONGEST_WAIT
        try:
            for attempt in range(MAX_ATTEMPTS):
                if attempt:
                    await self.pause(attempt)
                async with self.locks.held(work.stream_id, give_up_at):
                    match await self._attempt(work):
                        case _Committed(result) | _AlreadyDone(result) | _Confirmed(result, None):
                            return result
                        case _Confirmed(_, refusal) if refusal is not None:
                            raise refusal
                        case _Gone():
                            self._start_anew(work)
                        case _Stale():
                            pass
            raise TooBusy(f"other writers won {MAX_ATTEMPTS} times on this stream")
        finally:
            if work.snapshot_due is not None:
                await self.loader.keep(aggregate, work.stream_id, work.snapshot_due)

    @property
    def loader(self) -> Loader:
        return Loader(self.store, self.snapshots, self.codec, self.cache, self.limits)

    def _start_anew(self, work: _Work) -> None:
        """Makes the next attempt fold the stream from its first event."""
        _log.error("stream %s lost events that this process had seen; folding it anew", work.stream_id)
        self.cache.drop(work.stream_id)
        work.probably_new = work.trust_snapshot = False

    async def _attempt(self, work: _Work) -> _Step:
        """Loads, decides, and appends or confirms; decides once more if the first state was stale."""
        try:
            state, just_read = self.cache.get(work.stream_id), False
            if state is None and work.probably_new:
                state = StreamState(work.aggregate.decider.initial)
            if state is None:
                loaded = await self.loader.load(work.aggregate, work.envelope, trust_snapshot=work.trust_snapshot)
                work.has_folded(loaded)
                if done := _already_done(work, loaded.own):
                    return done
                state, just_read = loaded.state, loaded.whole
            step = await self._decide_and_keep(work, state, just_read=just_read)
            if isinstance(step, _Stale) and step.newer is not None:
                step = await self._decide_and_keep(work, step.newer, just_read=True)
        except HistoryLost:
            return _Gone()
        return step

    async def _decide_and_keep(self, work: _Work, state: StreamState[Any], *, just_read: bool) -> _Step:
        """Appends the events that follow from the command, or confirms that none follow."""
        refusal: DomainError | PreconditionFailed | None = None
        decided: Sequence[object] = ()
        try:
            decided = _decide(work, state)
        except (DomainError, PreconditionFailed) as error:
            refusal = error
        if decided:
            return await self._append(work, state, decided)
        return await self._confirm(work, state, refusal, just_read=just_read)

    async def _append(self, work: _Work, state: StreamState[Any], decided: Sequence[object]) -> _Step:
        now = max(self.clock(), state.occurred_at)
        events = [self._stored(work, event, state.version + 1 + n, n, now) for n, event in enumerate(decided)]
        try:
            appended = await self.store.append(work.stream_id, state.head, events)
        except WrongExpectedVersion:
            found = await self._look_up(work, state)
            # The newer events are in the cache now: the next attempt starts from them, after a pause without the lock.
            return found if isinstance(found, _AlreadyDone) else _Stale(None)
        except StreamFull as error:
            _log.error("%s", error)
            raise
        if appended.history_intact:
            reached = StreamState.at(work.aggregate.decider.fold(state.state, decided), events[-1])
            self.cache.put(work.stream_id, reached)
            if reached.version // SNAPSHOT_EVERY > state.version // SNAPSHOT_EVERY:
                work.snapshot_due = reached
        else:
            _log.error("stream %s was appended to after another history than the one decided on", work.stream_id)
            self.cache.drop(work.stream_id)
        return _Committed(CommandResult(work.stream_id, events[-1].version, events[-1].type))

    async def _confirm(
        self,
        work: _Work,
        state: StreamState[Any],
        refusal: DomainError | PreconditionFailed | None,
        *,
        just_read: bool,
    ) -> _Step:
        """Confirms that no event follows: by a look-up, unless the stream was just read, and by the primary replica."""
        if not just_read:
            found = await self._look_up(work, state)
            if found is not None:
                return found
        if not await self.store.is_head(work.stream_id, state.version):
            self.cache.put(work.stream_id, state)
            return _Stale(None)
        return _Confirmed(CommandResult(work.stream_id, state.version, state.event_type), refusal)

    async def _look_up(self, work: _Work, state: StreamState[Any]) -> _AlreadyDone | _Stale | None:
        """Returns the first result of this command, or what is newer than `state`; None if neither is visible.

        The event at the version of `state` is read too: if it is missing, or another one, the history was lost. Raises
        HistoryLost and CommandIdReused.
        """
        after = max(state.version - 1, 0)
        events = await self.store.look_up(work.stream_id, after, work.envelope.command_id)
        at_version = [event.metadata.event_id for event in events if event.version == state.version]
        if state.version and at_version != [state.event_id]:
            raise HistoryLost(work.stream_id)
        newer = [event for event in events if state.version < event.version <= after + PAGE]
        if [event.version for event in newer] != list(range(state.version + 1, state.version + 1 + len(newer))):
            return _Stale(None)
        if not newer:
            return _already_done(work, events)
        reached = await state.then(work.aggregate, self.codec, newer)
        self.cache.put(work.stream_id, reached)
        if done := _already_done(work, events):
            return done
        if reached.version < after + PAGE:
            return _Stale(reached)
        # There may be many more. The next attempt looks the command up once more: a snapshot may have skipped its own.
        work.has_folded(await self.loader.catch_up(work.aggregate, work.envelope, reached))
        return _Stale(None)

    def _stored(self, work: _Work, event: object, version: int, index: int, now: datetime) -> StoredEvent:
        type_, schema, data = self.codec.encode(event)
        envelope, origin = work.envelope, work.envelope.origin
        return StoredEvent(
            stream_id=envelope.stream_id,
            version=version,
            type=type_,
            schema=schema,
            command_key=f"{envelope.command_id}/{index}",
            data=data,
            metadata=Metadata(
                event_id=self.new_id(),
                occurred_at=now,
                correlation_id=origin.correlation_id,
                causation_id=origin.causation_id,
                traceparent=origin.traceparent,
                actor=origin.actor,
                fingerprint=envelope.fingerprint,
            ),
        )


def _decide(work: _Work, state: StreamState[Any]) -> Sequence[object]:
    """Returns the events that follow from the command. Raises DomainError and PreconditionFailed."""
    expected = work.envelope.expected_version
    if expected is not None and expected != state.version:
        raise PreconditionFailed(expected, state.version)
    decided: Sequence[object] = work.aggregate.decider.decide(work.envelope.command, state.state)
    return decided


def _already_done(work: _Work, events: Sequence[StoredEvent]) -> _AlreadyDone | None:
    """Returns the first result if `events` has events of this command, else None.

    Raises CommandIdReused if they are those of another request.
    """
    own = [event for event in events if event.command_id == work.envelope.command_id]
    if not own:
        return None
    if own[0].metadata.fingerprint != work.envelope.fingerprint:
        raise CommandIdReused
    return _AlreadyDone(CommandResult(work.stream_id, own[-1].version, own[-1].type))


async def pause_with_jitter(sleep: Callable[[float], Awaitable[None]], attempt: int) -> None:
    """Waits for a random time below a bound that doubles from 20 ms to half a second (full jitter)."""
    await sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))
