"""A fault in force: which of the operations that match it are struck."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Rationed(Protocol):
    """Of the operations that match, the first `skip` pass; of the others a `share`, at most `times` of them."""

    @property
    def skip(self) -> int: ...

    @property
    def times(self) -> int | None: ...

    @property
    def share(self) -> float: ...


F = TypeVar("F", bound=Rationed)


@dataclass
class Armed(Generic[F]):
    fault: F
    seen: int = 0
    struck: int = 0

    def strikes(self, chance: random.Random) -> bool:
        """Whether it strikes one more operation that matches it."""
        self.seen += 1
        if self.seen <= self.fault.skip or (self.fault.times is not None and self.struck >= self.fault.times):
            return False
        if self.fault.share < 1 and chance.random() >= self.fault.share:
            return False
        self.struck += 1
        return True
