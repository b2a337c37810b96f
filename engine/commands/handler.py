"""Load, decide, append: the one way in which a command changes a stream.

Three rules make its answers right under retries, stale caches and lagging replicas:

- A conflict is looked up before anything is decided again: if the events that were there first are this command's
  own, its first answer is given again.
- An answer that appends nothing (a refusal, a no-op, a failed precondition) is never given from memory: the same
  look-up runs first, and the primary replica confirms that there is nothing beyond.
- An attempt holds the lock of its stream; waiting for a better moment does not.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from engine.commands.errors import CommandIdReused, PreconditionFailed, TooBusy
from engine.commands.loading import Loader
from engine.commands.stream_locks import StreamLocks
from engine.commands.stream_state import StreamState, StreamStateCache
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.storing.codec import EventCodec
from engine.storing.errors import HistoryLost, WrongExpectedVersion
from engine.storing.events import Metadata, StoredEvent
from engine.storing.port import EventStore
from engine.storing.snapshots import SnapshotStore

C = TypeVar("C")
S = TypeVar("S")

MAX_ATTEMPTS: Final = 10
SNAPSHOT_EVERY: Final = 50
SNAPSHOT_AFTER_FOLDING: Final = 500
CACHE_BYTES: Final = 64 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Who asks, under which id, on what condition, and as part of which trace.

    The same `command_id` takes effect once; `fingerprint` tells whether it is really the same request.
    """

    command_id: str
    fingerprint: str
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the command has left the stream: `event_type` is that of the event at `version`."""

    stream_id: str
    version: int
    event_type: str


class _TryAgain(Exception):
    """This attempt came to nothing, and the next one knows more."""


@dataclass(frozen=True, slots=True)
class CommandHandler:
    """`pause(attempt)` waits between attempts; `new_id()` gives ids of events."""

    store: EventStore
    snapshots: SnapshotStore
    codec: EventCodec
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    pause: Callable[[int], Awaitable[None]]
    cache: StreamStateCache = field(default_factory=lambda: StreamStateCache(CACHE_BYTES))
    locks: StreamLocks = field(default_factory=StreamLocks)

    async def handle(
        self,
        aggregate: Aggregate[C, Any, S],
        stream_id: str,
        command: C,
        context: CommandContext,
        *,
        probably_new: bool = False,
    ) -> Answer:
        """Returns once the events of the command are durable, or were already.

        `probably_new` saves the load of a stream that the command is expected to start.
        Raises DomainError when the business refuses, ApplicationError (errors.py) and EventStoreError as they tell.
        """
        execution = _Execution(self, aggregate, stream_id, context, probably_new)
        try:
            for attempt in range(MAX_ATTEMPTS):
                if attempt:
                    await self.pause(attempt)
                async with self.locks.held(stream_id):
                    try:
                        return await execution.attempt(command)
                    except _TryAgain:
                        continue
                    except HistoryLost:
                        _log.error("stream %s lost events that this process had seen; folding it anew", stream_id)
                        execution.start_anew()
            raise TooBusy(f"other writers won {MAX_ATTEMPTS} times on this stream")
        finally:
            if execution.snapshot_due is not None:
                await self.loader.keep(aggregate, stream_id, execution.snapshot_due)

    @property
    def loader(self) -> Loader:
        return Loader(self.store, self.snapshots, self.codec)


@dataclass(slots=True)
class _Execution:
    """One command on its way: `attempt` goes from load to answer, inside the lock of its stream."""

    handler: CommandHandler
    aggregate: Aggregate[Any, Any, Any]
    stream_id: str
    context: CommandContext
    probably_new: bool
    trust_snapshot: bool = True
    snapshot_due: StreamState[Any] | None = None

    def start_anew(self) -> None:
        """The next attempt folds the stream from its first event."""
        self.handler.cache.drop(self.stream_id)
        self.handler.store.forget(self.stream_id)
        self.probably_new = self.trust_snapshot = False

    async def attempt(self, command: object) -> Answer:
        folded = self.handler.cache.get(self.stream_id)
        just_read = False
        if folded is None and self.probably_new:
            folded = StreamState(self.aggregate.decider.initial)
        if folded is None:
            loaded = await self.handler.loader.load(self.aggregate, self.stream_id, trust_snapshot=self.trust_snapshot)
            folded, just_read = loaded.folded, loaded.whole
            self.handler.cache.put(self.stream_id, folded)
            if len(loaded.events) > SNAPSHOT_AFTER_FOLDING:
                self.snapshot_due = folded
            if own := self._own(loaded.events):
                return self._first_answer(own)
        while True:
            refusal: Exception | None = None
            try:
                decided = self._decide(command, folded)
            except (DomainError, PreconditionFailed) as error:
                refusal, decided = error, ()
            if decided:
                return await self._append(folded, decided)
            seen = await self._confirm(folded, just_read=just_read)
            if isinstance(seen, Answer):
                return seen
            if seen is folded:
                if refusal is not None:
                    raise refusal
                return Answer(self.stream_id, folded.version, folded.event_type)
            folded, just_read = seen, True

    def _decide(self, command: object, folded: StreamState[Any]) -> Sequence[object]:
        expected = self.context.expected_version
        if expected is not None and expected != folded.version:
            raise PreconditionFailed(expected, folded.version)
        decided: Sequence[object] = self.aggregate.decider.decide(command, folded.state)
        return decided

    def _stored(self, event: object, version: int, index: int, now: datetime) -> StoredEvent:
        type_, schema, data = self.handler.codec.encode(event)
        context = self.context
        return StoredEvent(
            stream_id=self.stream_id,
            version=version,
            type=type_,
            schema=schema,
            command_key=f"{context.command_id}/{index}",
            data=data,
            metadata=Metadata(
                event_id=self.handler.new_id(),
                occurred_at=now,
                correlation_id=context.correlation_id,
                causation_id=context.causation_id,
                traceparent=context.traceparent,
                actor=context.actor,
                fingerprint=context.fingerprint,
            ),
        )

    async def _append(self, folded: StreamState[Any], decided: Sequence[object]) -> Answer:
        now = max(self.handler.clock(), folded.occurred_at)
        events = [self._stored(event, folded.version + 1 + index, index, now) for index, event in enumerate(decided)]
        try:
            appended = await self.handler.store.append(self.stream_id, folded.head, events)
        except WrongExpectedVersion:
            seen = await self._look_up(folded)
            if isinstance(seen, Answer):
                return seen
            raise _TryAgain from None
        if appended.history_intact:
            reached = StreamState.at(self.aggregate.decider.fold(folded.state, decided), events[-1])
            self.handler.cache.put(self.stream_id, reached)
            if reached.version // SNAPSHOT_EVERY > folded.version // SNAPSHOT_EVERY:
                self.snapshot_due = reached
        else:
            _log.error("stream %s was appended to after another history than the one decided on", self.stream_id)
            self.handler.cache.drop(self.stream_id)
        return Answer(self.stream_id, events[-1].version, events[-1].type)

    async def _confirm(self, folded: StreamState[Any], *, just_read: bool) -> StreamState[Any] | Answer:
        """`folded` itself if the primary says that it is the whole stream; else what there is beyond it."""
        if not just_read:
            seen = await self._look_up(folded)
            if seen is not folded:
                return seen
        if not await self.handler.store.is_head(self.stream_id, folded.version):
            self.handler.cache.put(self.stream_id, folded)
            raise _TryAgain
        return folded

    async def _look_up(self, folded: StreamState[Any]) -> StreamState[Any] | Answer:
        """This command's first answer, or the stream folded on, or `folded` itself if nothing newer is in sight.

        The event at the folded version is read along: if it is not there, or another one, the history was lost.
        """
        events = await self.handler.store.look_up(self.stream_id, max(folded.version - 1, 0), self.context.command_id)
        at_version = [event for event in events if event.version == folded.version]
        if folded.version and [event.metadata.event_id for event in at_version] != [folded.event_id]:
            raise HistoryLost(self.stream_id)
        newer = [event for event in events if event.version > folded.version]
        if [event.version for event in newer] != list(range(folded.version + 1, folded.version + 1 + len(newer))):
            raise _TryAgain
        seen = self._fold(folded, newer) if newer else folded
        own = self._own(events)
        return self._first_answer(own) if own else seen

    def _own(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        return [event for event in events if event.command_id == self.context.command_id]

    def _first_answer(self, own: Sequence[StoredEvent]) -> Answer:
        if own[0].metadata.fingerprint != self.context.fingerprint:
            raise CommandIdReused
        return Answer(self.stream_id, own[-1].version, own[-1].type)

    def _fold(self, folded: StreamState[Any], events: Sequence[StoredEvent]) -> StreamState[Any]:
        folded = folded.then(self.aggregate, self.handler.codec, events)
        self.handler.cache.put(self.stream_id, folded)
        return folded


async def pause_with_jitter(sleep: Callable[[float], Awaitable[None]], attempt: int) -> None:
    """Full jitter, doubling from 20 ms to at most half a second."""
    await sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))
