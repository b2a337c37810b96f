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

NEVER: Final = float("-inf")


@dataclass(slots=True)
class StreamQueue:
    """Holds the commands that wait, and when this process last lost to another writer of the stream, in loop time."""

    waiting: list[Member] = field(default_factory=list)
    lost_at: float = NEVER
    task: "asyncio.Task[None] | None" = None


Turn = Callable[[StreamQueue, Sequence[Member]], Awaitable[Sequence[Member]]]
"""Carries out a group. Returns those of its members that are left for the next turn."""


class StreamQueues:
    """Keeps one queue for each stream in use, first come, first served."""

    def __init__(self) -> None:
        self._queues: dict[str, StreamQueue] = {}

    async def answer(self, member: Member, turn: Turn) -> CommandResult:
        """Returns the answer to the command, which waits for its turn.

        Raises TooBusy when `MAX_WAITING` commands wait already, or its turn does not come within `LONGEST_WAIT`, and
        what `turn` has answered.
        """
        stream_id = member.envelope.stream_id
        queue = self._queues.setdefault(stream_id, StreamQueue())
        if len(queue.waiting) >= MAX_WAITING:
            raise TooBusy(f"{MAX_WAITING} commands are waiting for this stream")
        queue.waiting.append(member)
        if queue.task is None:
            queue.task = asyncio.create_task(self._serve(stream_id, queue, turn))
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

    async def _serve(self, stream_id: str, queue: StreamQueue, turn: Turn) -> None:
        try:
            while queue.waiting:
                members, queue.waiting = queue.waiting, []
                try:
                    left = await turn(queue, members)
                    queue.waiting[:0] = [member for member in left if member.waits]
                except Exception as error:  # noqa: BLE001 - whoever waits for the turn is told
                    for member in members:
                        member.fail(error)
        finally:
            del self._queues[stream_id]


def _give_up(queue: StreamQueue, member: Member) -> None:
    if member in queue.waiting:
        queue.waiting.remove(member)
        member.fail(TooBusy("the commands before it take too long"))
