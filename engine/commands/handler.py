"""The command handler is the only way in which a command changes a stream: it loads, decides and appends.

Commands that wait for a stream are carried out together, in one transaction, and each is answered as if it had been
carried out alone. Three rules make the answers right under retries, stale caches and lagging replicas:

- After a conflict, it looks the commands up before it decides again: if events of the other writer are those of a
  command here, that command gets its first answer again.
- An answer that appends nothing (a refusal, a no-op, a failed precondition) never rests on the cache alone: the same
  look-up runs first, and the primary replica confirms that there are no newer events. An append of the same group
  confirms it too.
- Whatever becomes of a transaction becomes of all commands in it; whatever a single command raises is its own.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.commands import observed
from engine.commands.due_snapshots import DueSnapshots
from engine.commands.errors import TooBusy
from engine.commands.group import Bundle, CommandResult, Member, Plan, Planner
from engine.commands.loading import Asked, Loaded, Loader
from engine.commands.stream_queues import StreamQueue, StreamQueues
from engine.commands.stream_state import StreamState, StreamStateCache
from engine.deciding.aggregate import Aggregate
from engine.errors import AdapterError
from engine.messaging.envelope import CommandEnvelope
from engine.storing.codec import EventCodec
from engine.storing.errors import AppendTooLarge, HistoryLost, StreamFull, WrongExpectedVersion
from engine.storing.events import StoredEvent
from engine.storing.limits import Limits
from engine.storing.port import PAGE, EventStore
from engine.storing.snapshots import SnapshotStore

__all__ = ["CommandHandler", "CommandResult"]

TURN_LIFETIME: Final = 8.0
"""Other writers may win for so many seconds before the commands of a group are turned away."""

LOOKS_FOR_RIVALS: Final = 4
"""A process that has rivals and wins lets one win next: after a round trip it looks so often, half a one apart."""

RESTS_FOR: Final = 0.05
"""A process that holds a stream lets it rest for so many seconds, so that a rival that it does not know wins once."""

SNAPSHOT_EVERY: Final = 50
SNAPSHOT_AFTER_FOLDING: Final = 500
CACHE_BYTES: Final = 64 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """Holds a state to decide on; `just_read` if it has all events that the replica showed a moment ago."""

    state: StreamState[Any]
    just_read: bool


class _Settled(NamedTuple):
    """Every command of the group is answered, but for those in `left`."""

    left: Sequence[Member]


class _Again(NamedTuple):
    """Those that still wait for an answer are decided again on `known`; None: the state is taken from the cache."""

    known: _Known | None


class _Gone(NamedTuple):
    """The store has lost events that this instance had seen."""


_Step = _Settled | _Again | _Gone


@dataclass(slots=True)
class _Turn:
    """Holds one group and what its attempts have learnt; `later` waits for the next turn."""

    queue: StreamQueue
    group: Sequence[Member]
    later: list[Member] = field(default_factory=list)
    known: _Known | None = None
    trust_snapshot: bool = True
    lost: int = 0

    @property
    def stream(self) -> Asked:
        first = self.group[0]
        waiting = [each.command_id for each in self.group if each.waits]
        return Asked(first.aggregate, first.envelope.stream_id, waiting)

    def alarm(self, text: str) -> None:
        self.group[0].alarms.append(text)


class CommandHandler:
    """Carries out commands. `sleep(seconds)` waits; `new_id()` returns ids for events."""

    def __init__(
        self,
        store: EventStore,
        snapshots: SnapshotStore,
        codec: EventCodec,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        sleep: Callable[[float], Awaitable[None]],
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.store = store
        self.cache = StreamStateCache(cache_bytes)
        self.loader = Loader(store, snapshots, codec, self.cache, Limits())
        self._codec = codec
        self._planner = Planner(codec, clock, new_id)
        self._sleep = sleep
        self._queues = StreamQueues()
        self._due = DueSnapshots(self.loader.keep)

    async def handle(
        self,
        aggregate: Aggregate[Any, Any, Any],
        envelope: CommandEnvelope,
        *,
        probably_new: bool = False,
        bundle: Bundle | None = None,
    ) -> CommandResult:
        """Returns the result once the events of the command are durable, by this call or an earlier one.

        If no events follow, it returns the version that the stream is at. `probably_new` saves the load of a stream
        that the command is expected to start; `bundle` is what it came in with others, if it did. A caller that is
        cancelled before its events are sent takes the command with it; later, only its waiting. Raises DomainError when
        the business rules reject the command, and CommandError and AdapterError as their modules describe.
        """
        with observed.command(envelope) as (envelope, span):
            answer = asyncio.get_running_loop().create_future()
            member = Member(aggregate, envelope, probably_new, answer, bundle, span)
            try:
                result = await self._queues.answer(member, self._turn)
            finally:
                # Only the log of a running invocation is kept, and the turn may belong to one that has ended.
                for alarm in member.alarms:
                    _log.error("%s", alarm)
            span.set({"stream.version": result.version})
            return result

    async def idle(self) -> None:
        """Returns once no command is under way, and no snapshot is due."""
        await self._queues.idle()
        await self._due.idle()

    async def _turn(self, queue: StreamQueue, group: Sequence[Member]) -> Sequence[Member]:
        """Carries out the group, and returns those of it that the next turn carries out.

        Raises the error of all that are left of the group.
        """
        turn = _Turn(queue, group)
        give_up_at = _now() + TURN_LIFETIME
        with observed.turn(group):
            while turn.group:
                if _now() > give_up_at:
                    raise TooBusy(f"other writers of the stream have won for {TURN_LIFETIME:g} seconds")
                match await self._attempt(turn):
                    case _Settled(left):
                        return [*left, *turn.later]
                    case _Again(known):
                        turn.known = known
                    case _Gone():
                        self._start_anew(turn)
                turn.group = [member for member in turn.group if member.waits]
            return turn.later

    async def _attempt(self, turn: _Turn) -> _Step:
        """Loads, decides, and appends or confirms."""
        try:
            known = turn.known or await self._load(turn)
            plan = self._planner.plan(known.state, turn.group)
            if plan.appending:
                return await self._append(turn, plan, known)
            return await self._confirm(turn, plan, known)
        except HistoryLost:
            return _Gone()

    def _start_anew(self, turn: _Turn) -> None:
        """Makes the next attempt fold the stream from its first event."""
        stream_id = turn.stream.stream_id
        turn.alarm(f"stream {stream_id} lost events that this process had seen; folding it anew")
        self.cache.drop(stream_id)
        turn.known, turn.trust_snapshot = None, False

    async def _load(self, turn: _Turn) -> _Known:
        """Takes the state from the cache, or loads it, which may show that commands are done already."""
        stream, first = turn.stream, turn.group[0]
        state = self.cache.get(stream.stream_id)
        if state is not None:
            observed.remembered(stream.aggregate.category)
        elif first.probably_new and turn.trust_snapshot:
            state = StreamState(first.aggregate.decider.initial)
        if state is not None:
            return _Known(state, just_read=False)
        with observed.load(stream.aggregate.category):
            loaded = await self.loader.load(stream, trust_snapshot=turn.trust_snapshot)
        self._has_folded(stream, loaded)
        _settle_by(turn.group, loaded.own)
        return _Known(loaded.state, loaded.whole)

    async def _append(self, turn: _Turn, plan: Plan, known: _Known) -> _Step:
        """Appends the events of the group; whatever the outcome, it is that of all commands in it."""
        stream, began = turn.stream, _now()
        try:
            with observed.append(stream.aggregate.category):
                appended = await self.store.append(stream.stream_id, plan.base.head, plan.events)
        except WrongExpectedVersion:
            turn.lost += 1
            turn.queue.rival_seen_at = _now()
            observed.conflict(turn.group, turn.lost)
            newer = await self._look_up(turn, plan.base)
            if newer is None or newer.state is plan.base:
                # The replica does not show yet who has won.
                await self._sleep(_jitter(turn.lost))
            return _Again(newer)
        except AppendTooLarge as error:
            if len(turn.group) == 1:
                turn.group[0].stop_by(error)
                return _Again(known)
            half = len(turn.group) // 2
            turn.group, turn.later = turn.group[:half], [*turn.group[half:], *turn.later]
            return _Again(known)
        except StreamFull as error:
            turn.alarm(str(error))
            raise
        round_trip = _now() - began
        if not appended.history_intact:
            turn.alarm(f"stream {stream.stream_id} was appended to after another history than the one decided on")
            self.cache.drop(stream.stream_id)
            _succeed(plan)
            return _Again(None)
        self.cache.put(stream.stream_id, plan.reached)
        if plan.reached.version // SNAPSHOT_EVERY > plan.base.version // SNAPSHOT_EVERY:
            self._due.add(stream.aggregate, stream.stream_id, plan.reached)
        _succeed(plan)
        await self._settle_nothing(stream, plan, known)
        await self._give_way(turn, plan, round_trip)
        return _Settled(plan.left)

    async def _give_way(self, turn: _Turn, plan: Plan, round_trip: float) -> None:
        """Lets rivals go first after a win. If none is known, lets those show themselves that have never won."""
        queue, now = turn.queue, _now()
        queue.note_win(now)
        if queue.has_rivals(now):
            # What is wrong with the stream is met by the next group too, whose callers still wait, and log it.
            with suppress(AdapterError):
                await self._let_a_rival_win(turn, plan.reached, round_trip)
        elif len(plan.appending) > 1 and queue.is_held(now):
            await self._sleep(RESTS_FOR)
            queue.held_since = _now()

    async def _let_a_rival_win(self, turn: _Turn, state: StreamState[Any], round_trip: float) -> None:
        """Waits until another writer has won, for so long as it may take one that has lost to look up and append."""
        await self._sleep(round_trip)
        for _ in range(LOOKS_FOR_RIVALS):
            if not turn.queue.waiting:
                return  # whoever comes later has let them go first
            newer = await self._look_up(turn, state)
            if newer is None or newer.state is not state:
                return
            await self._sleep(round_trip / 2)

    async def _settle_nothing(self, stream: Asked, plan: Plan, known: _Known) -> None:
        """Answers those that append nothing: the append has confirmed the state that they were decided on."""
        asked = [each.member for each in plan.nothing]
        if asked and not known.just_read:
            ids = [each.command_id for each in asked]
            _settle_by(asked, await self.store.look_up(stream.stream_id, plan.reached.version, ids))
        for each in plan.nothing:
            each.settle()

    async def _confirm(self, turn: _Turn, plan: Plan, known: _Known) -> _Step:
        """Confirms that no event follows: by a look-up, unless the stream was just read, and by the primary replica."""
        if not known.just_read:
            newer = await self._look_up(turn, plan.base)
            if newer is None or newer.state is not plan.base:
                return _Again(newer)
        if any(each.member.waits for each in plan.nothing):
            if not await self.store.is_head(turn.stream.stream_id, plan.base.version):
                self.cache.put(turn.stream.stream_id, plan.base)
                return _Again(None)
            for each in plan.nothing:
                each.settle()
        return _Settled(plan.left)

    async def _look_up(self, turn: _Turn, state: StreamState[Any]) -> _Known | None:
        """Answers the commands that took effect before, and returns the newest state that is visible; None: load again.

        The event at the version of `state` is read too: if it is missing, or another one, the history was lost. Raises
        HistoryLost.
        """
        stream, after = turn.stream, max(state.version - 1, 0)
        events = await self.store.look_up(stream.stream_id, after, stream.command_ids)
        at_version = [event.metadata.event_id for event in events if event.version == state.version]
        if state.version and at_version != [state.event_id]:
            raise HistoryLost(stream.stream_id)
        newer = [event for event in events if state.version < event.version <= after + PAGE]
        if [event.version for event in newer] != list(range(state.version + 1, state.version + 1 + len(newer))):
            return None
        _settle_by(turn.group, events)
        if not newer:
            return _Known(state, just_read=True)
        turn.queue.rival_seen_at = _now()
        reached = await state.then(stream.aggregate, self._codec, newer)
        self.cache.put(stream.stream_id, reached)
        if reached.version < after + PAGE:
            return _Known(reached, just_read=True)
        # There may be many more. The next attempt looks the commands up once more: a snapshot may have skipped theirs.
        self._has_folded(stream, await self.loader.catch_up(stream, reached))
        return None

    def _has_folded(self, stream: Asked, loaded: Loaded) -> None:
        if loaded.folded > SNAPSHOT_AFTER_FOLDING:
            self._due.add(stream.aggregate, stream.stream_id, loaded.state)


def _settle_by(members: Sequence[Member], events: Sequence[StoredEvent]) -> None:
    for member in members:
        member.settle_by(events)


def _succeed(plan: Plan) -> None:
    for each in plan.appending:
        each.member.span.set({"append.events": len(each.events)})
        each.member.succeed(each.result)


def _jitter(attempt: int) -> float:
    """Returns a random time below a bound that doubles from 20 ms to half a second (full jitter), in seconds."""
    return random.uniform(0, min(0.5, 0.01 * 2**attempt))


def _now() -> float:
    return asyncio.get_running_loop().time()
