"""Faults on request: errors, lost answers and commits that come late, for the requests that match."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from emulators.armed import Armed
from emulators.cosmos.errors import CosmosError
from emulators.cosmos.requests import PARTITION_KEY, Request


class Effect(Enum):
    """What happens to a request that a fault strikes."""

    REFUSE = "refuse"
    """The error is answered and nothing is done."""
    LOSE_ANSWER = "lose-answer"
    """Everything is done, then the connection is closed without an answer."""
    CUT_ANSWER = "cut-answer"
    """Everything is done, then the connection is closed in the middle of the answer."""
    COMMIT_LATE = "commit-late"
    """The error is answered first; the request takes effect afterwards."""


@dataclass(frozen=True)
class Fault:
    """Which requests are struck, and how.

    Of the requests that match `kinds`, `container` and `partition_key` (None matches all) the first `skip`
    pass; of the others a `share` is struck, `times` of them at most (None: no limit). A late commit waits for
    `delay` seconds or `Faults.release`.
    """

    effect: Effect = Effect.REFUSE
    status: int = 503
    substatus: int = 0
    retry_after_ms: int | None = None
    kinds: frozenset[str] | None = None
    container: str | None = None
    partition_key: Any = None
    skip: int = 0
    times: int | None = 1
    share: float = 1.0
    delay: float = 0.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError and TypeError for what is not a fault."""
        names = {"retryAfterMs": "retry_after_ms", "partitionKey": "partition_key"}
        fields = {names.get(name, name): member for name, member in value.items()}
        if "effect" in fields:
            fields["effect"] = Effect(fields["effect"])
        if fields.get("kinds") is not None:
            fields["kinds"] = frozenset(fields["kinds"])
        return cls(**fields)

    def matches(self, request: Request) -> bool:
        if self.kinds is not None and request.kind not in self.kinds:
            return False
        if self.container is not None and (request.container is None or request.container.id != self.container):
            return False
        return self.partition_key is None or _components(request) == _list(self.partition_key)

    def error(self) -> CosmosError:
        return CosmosError(
            self.status, "A fault that was asked for.", substatus=self.substatus, retry_after_ms=self.retry_after_ms
        )


class Faults:
    """The faults in force, tried in the order in which they were added."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/faults")
        self._armed: list[Armed[Fault]] = []
        self._late: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._armed.append(Armed(fault))

    def clear(self) -> None:
        """No request is struck any more; late commits that wait still come."""
        self._armed.clear()

    def struck(self) -> int:
        """How many requests the faults in force have struck."""
        return sum(armed.struck for armed in self._armed)

    def strike(self, request: Request) -> Fault | None:
        """The fault that strikes a request, if any does."""
        for armed in self._armed:
            if armed.fault.matches(request) and armed.strikes(self._random):
                return armed.fault
        return None

    def commit_late(self, delay: float, action: Callable[[], Awaitable[object]]) -> None:
        """Take the action after a delay, or at `release`."""
        released = self._released

        async def wait_and_act() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await released.wait()
            with suppress(CosmosError):  # what it would have changed was changed meanwhile
                await action()

        task = asyncio.get_running_loop().create_task(wait_and_act())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def release(self) -> None:
        """Let all late commits happen now, and wait for them."""
        self._released.set()
        self._released = asyncio.Event()
        await asyncio.gather(*self._late)

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)


def _components(request: Request) -> Any:
    header = request.header(PARTITION_KEY)
    try:
        return None if header is None else json.loads(header)
    except (ValueError, RecursionError):
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
