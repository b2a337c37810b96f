"""A finding is one thing that is not as it must be, with what it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "gap", "fork", "no-event", "undecodable", "newer", "large",
    "view-differs", "view-behind", "view-ahead", "view-elsewhere", "view-without-stream", "does-not-apply",
    "no-lease", "relay-behind", "parked", "process-unended",
]  # fmt: skip
"""docs/operations.md says what each means, and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Is about a stream, of a consumer, or of both; `detail` says it in words."""

    kind: Kind
    detail: str
    stream: str | None = None
    consumer: str | None = None


Found = Callable[[Finding], None]
