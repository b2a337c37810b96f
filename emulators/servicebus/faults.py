"""Faults on request: refusals, lost connections and killed processes, at the operations that match."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Self

from emulators.armed import Armed
from emulators.servicebus.errors import ServiceBusError

# A transfer to an entity, a disposition of a receiver, a request to `$management`, a link to an entity.
KINDS: Final = frozenset({"send", "settle", "request", "attach"})


class Effect(Enum):
    """What happens to an operation that a fault strikes."""

    REFUSE = "refuse"
    """It is refused with the fault's condition, and nothing is done."""
    DROP = "drop"
    """The connection is lost before anything is done."""
    LOSE_ANSWER = "lose-answer"
    """Everything is done and stored, then the connection is lost without an answer."""
    KILL = "kill"
    """The process is killed after it was done and before it is stored, in the middle of what came with it."""


@dataclass(frozen=True)
class Fault:
    """Which operations are struck, and how.

    Of the operations that match `kinds` and `entity` (None matches all) the first `skip` pass; of the others a
    `share` is struck, `times` of them at most (None: no limit).
    """

    effect: Effect = Effect.DROP
    condition: str = "com.microsoft:server-busy"
    kinds: frozenset[str] | None = None
    entity: str | None = None
    skip: int = 0
    times: int | None = 1
    share: float = 1.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError and TypeError for what is not a fault."""
        fields = dict(value)
        if "effect" in fields:
            fields["effect"] = Effect(fields["effect"])
        if fields.get("kinds") is not None:
            fields["kinds"] = frozenset(fields["kinds"])
            if not fields["kinds"] <= KINDS:
                raise ValueError(f"kinds are {', '.join(sorted(KINDS))}")
        return cls(**fields)

    def matches(self, kind: str, entity: str) -> bool:
        return (self.kinds is None or kind in self.kinds) and self.entity in (None, entity)

    def error(self) -> ServiceBusError:
        return ServiceBusError(self.condition, "A fault that was asked for.", 503)


class Faults:
    """The faults in force, tried in the order in which they were added."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/faults")
        self._armed: list[Armed[Fault]] = []

    def add(self, fault: Fault) -> None:
        self._armed.append(Armed(fault))

    def clear(self) -> None:
        self._armed.clear()

    def struck(self) -> int:
        """How many operations the faults in force have struck."""
        return sum(armed.struck for armed in self._armed)

    def strike(self, kind: str, entity: str) -> Fault | None:
        """The fault that strikes an operation, if any does."""
        for armed in self._armed:
            if armed.fault.matches(kind, entity) and armed.strikes(self._random):
                return armed.fault
        return None
