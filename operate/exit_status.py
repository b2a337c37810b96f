"""A command ends with one of these exit statuses, for scripts and timers; docs/operations.md has the table."""

from enum import IntEnum
from typing import Final


class ExitStatus(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    UNKNOWN = 3
    FINDINGS = 4
    INTERRUPTED = 130
    UNREAD = 141


MEANINGS: Final = {
    ExitStatus.DONE: "it is done",
    ExitStatus.FAILED: "it failed; the last line on stderr says why, and what to do",
    ExitStatus.USAGE: "the arguments are wrong; nothing was done",
    ExitStatus.UNKNOWN: "what was named is not there",
    ExitStatus.FINDINGS: "it came to its end, and something is left for you to look at",
    ExitStatus.INTERRUPTED: "interrupted; what was done stays done",
    ExitStatus.UNREAD: "what read the output has gone, such as `head`; what was done stays done",
}

EVERYWHERE: Final = frozenset(ExitStatus) - {ExitStatus.UNKNOWN, ExitStatus.FINDINGS}
"""Any command may end with these."""
