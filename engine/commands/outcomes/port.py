"""`OutcomeStore` is the port of the store of outcomes; `memory.py` and `cosmos.py` implement it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.commands.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Pending:
    fingerprint: str
    status: Literal["pending"] = "pending"


@dataclass(frozen=True, slots=True)
class Done:
    """`version` is that of the command's last event, or that of the stream if the command was satisfied already."""

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
    """Keeps one outcome per command id, for seven days. All methods raise Unavailable and AccessRefused."""

    async def get(self, command_id: str) -> Outcome | None:
        """Returns the outcome; None only if the primary replica has none.

        A final one may still show as pending for a moment.
        """
        ...

    async def begin(self, command_id: str, fingerprint: str) -> Outcome:
        """Creates a pending outcome, or returns the one that exists."""
        ...

    async def finish(self, command_id: str, outcome: Done | Refused) -> None:
        """Writes a final outcome.

        An earlier final one stays, except that `Done`, which is a fact, replaces `Refused`.
        """
        ...


def replaces(outcome: Done | Refused, status: str) -> bool:
    """Returns whether `outcome` replaces one with this status."""
    return status == "pending" or (status == "refused" and outcome.status == "done")
