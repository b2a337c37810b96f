"""Commands on one stream wait in its queue; one task per stream takes all that wait, carries them out, and goes on.

So commands that come while others are under way share the next transaction. The task belongs to the stream, not to a
caller: one that is cancelled leaves the queue, and takes no other with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.commands.errors import TooBusy
from engine.commands.group import CommandResult, Member

MAX_WAITING: Final = 100
"""At most this many commands wait for one stream."""

LONGEST_WAIT: Final = 10.0
"""A command waits for its turn for this many seconds."""

RIVALS_FOR: Final = 1.0
"""For so many seconds after a process has met another writer of a stream, it counts as its rival."""

HELD_AFTER: Final = 0.5
"""A process that has won for so many seconds holds a stream. One that is slower may never win against it.

Who has lost needs two round trips, and the next win of a process that does not know of it comes after one.
"""

QUEUES_KEPT: Final = 1_000
"""So many queues that nobody waits in are kept, for what they know of other writers."""

NEVER: Final = float("-inf")


@dataclass(slots=True)
class StreamQueue:
    """Holds the commands that wait, and what is known of other writers of the stream; times are those of the loop."""

    waiting: list[Member] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None
    rival_seen_at: float = NEVER
    won_at: float = NEVER
    held_since: float = NEVER

    def has_rivals(self, now: float) -> bool:
        return now - self.rival_seen_at < RIVALS_FOR

    def note_win(self, now: float) -> None:
        if now - self.won_at > HELD_AFTER:
            # It was left alone for a while: it is held from now on.
            self.held_since = now
        self.won_at = now

    def is_held(self, now: float) -> bool:
        return now - self.held_since > HELD_AFTER


Turn = Callable[[StreamQueue, Sequence[Member]], Awaitable[Sequence[Member]]]
"""Carries out a group. Returns those of its members that are left for the next turn."""


class StreamQueues:
    """Keeps one queue for each stream in use, and for some that were, first come, first served."""

    def __init__(self) -> None:
        self._queues: dict[str, StreamQueue] = {}
        self._most = QUEUES_KEPT

    async def answer(self, member: Member, turn: Turn) -> CommandResult:
        """Returns the answer to the command, which waits for its turn.

        Raises TooBusy when `MAX_WAITING` commands wait already, or its turn does not come within `LONGEST_WAIT`, and
        what `turn` has answered.
        """
        stream_id = member.envelope.stream_id
        queue = self._queues.get(stream_id) or self._new_queue(stream_id)
        if len(queue.waiting) >= MAX_WAITING:
            raise TooBusy(f"{MAX_WAITING} commands are waiting for this stream")
        queue.waiting.append(member)
        if queue.task is None:
            queue.task = asyncio.create_task(self._serve(queue, turn))
            return await member.answer
        timer = asyncio.get_running_loop().call_later(LONGEST_WAIT, _give_up, queue, member)
        try:
            return await member.answer
        finally:
            timer.cancel()
            if member in queue.waiting:
                queue.waiting.remove(member)

    async def idle(self) -> None:
        """Returns once no command is under way."""
        while tasks := [queue.task for queue in self._queues.values() if queue.task is not None]:
            await asyncio.wait(tasks)

    def _new_queue(self, stream_id: str) -> StreamQueue:
        if len(self._queues) >= self._most:
            self._queues = {each: queue for each, queue in self._queues.items() if queue.task is not None}
            self._most = 2 * len(self._queues) + QUEUES_KEPT
        queue = self._queues[stream_id] = StreamQueue()
        return queue

    async def _serve(self, queue: StreamQueue, turn: Turn) -> None:
        try:
            while queue.waiting:
                members, queue.waiting = [member for member in queue.waiting if member.waits], []
                try:
                    left = await turn(queue, members) if members else []
                    queue.waiting[:0] = [member for member in left if member.waits]
                except Exception as error:  # noqa: BLE001 - whoever waits for the turn is told
                    for member in members:
                        member.fail(error)
        finally:
            queue.task = None


def _give_up(queue: StreamQueue, member: Member) -> None:
    if member in queue.waiting:
        queue.waiting.remove(member)
        member.fail(TooBusy("the commands before it take too long"))
