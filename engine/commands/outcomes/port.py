"""The promise of a store of outcomes. `memory.py` and `cosmos.py` keep it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.commands.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Pending:
    fingerprint: str
    status: Literal["pending"] = "pending"


@dataclass(frozen=True, slots=True)
class Done:
    """`version` is that of the command's last event, or of the stream for a command that was satisfied already."""

    fingerprint: str
    stream_id: str
    version: int
    status: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    fingerprint: str
    refusal: Refusal
    status: Literal["refused"] = "refused"


Outcome = Pending | Done | Refused


class OutcomeStore(Protocol):
    """One outcome per command id, kept for seven days. All methods raise Unavailable and AccessRefused."""

    async def get(self, command_id: str) -> Outcome | None:
        """None only on the primary's word; what is final may still be shown as pending for a moment."""
        ...

    async def begin(self, command_id: str, fingerprint: str) -> Outcome:
        """Creates a pending outcome, or gives the one that is there."""
        ...

    async def finish(self, command_id: str, outcome: Done | Refused) -> None:
        """Writes a final outcome. The first one stays, but what was done is a fact and takes the place of a refusal."""
        ...


def replaces(outcome: Done | Refused, status: str) -> bool:
    """Whether `outcome` takes the place of one with this status."""
    return status == "pending" or (status == "refused" and outcome.status == "done")
