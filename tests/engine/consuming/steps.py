"""Tasks that stop before and after each call of what they share, and go on or crash there as a test chooses."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from random import Random
from typing import Any, Final, cast

_SETTLED: Final = 20
"""After so many turns of the loop, every task stands at a step or has ended."""

Actor = Callable[[], Coroutine[Any, Any, None]]

_ACTOR: Final[ContextVar[Actor]] = ContextVar("actor")
"""A task that an actor starts has the same one."""


class Steps:
    """`taken` counts the steps of all tasks."""

    def __init__(self, chance: Random) -> None:
        self.taken = 0
        self._chance = chance
        self._standing: list[tuple[asyncio.Future[None], Actor]] = []
        self._actors: dict[Actor, asyncio.Task[None]] = {}

    def shared(self, target: Any) -> Any:
        """Returns the same with a step before and after each call."""
        return _Stepped(target, self)

    async def step(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._standing.append((future, _ACTOR.get()))
        await future

    async def play(self, *actors: Actor, crash: Callable[[int], bool]) -> None:
        """Runs the actors to their ends, in any order of steps; one that crashes begins anew."""
        for actor in actors:
            self._begin(actor)
        while True:
            for _ in range(_SETTLED):
                await asyncio.sleep(0)
            for task in self._actors.values():
                if task.done() and not task.cancelled():
                    task.result()
            self._standing = [each for each in self._standing if not each[0].done()]
            if not self._standing:
                assert all(task.done() for task in self._actors.values()), "somebody waits for what is no step"
                return
            future, actor = self._chance.choice(self._standing)
            self.taken += 1
            if crash(self.taken):
                self._actors[actor].cancel()
                await asyncio.wait([self._actors[actor]])
                self._begin(actor)
            else:
                future.set_result(None)

    def _begin(self, actor: Actor) -> None:
        async def act() -> None:
            _ACTOR.set(actor)
            await actor()

        self._actors[actor] = asyncio.create_task(act())


class _Stepped:
    def __init__(self, target: Any, steps: Steps) -> None:
        self._target = target
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def stepped(*arguments: Any) -> Any:
            await self._steps.step()
            result = await cast(Awaitable[Any], method(*arguments))
            await self._steps.step()
            return result

        return stepped
