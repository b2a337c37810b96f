"""A command fails in one line that says what to do, and with an exit status."""

from typing import Final

from operate.exit_status import ExitStatus

STAYS_DONE: Final = "what was done stays done, run it again"
"""This is added where something may have been done before it failed."""


class CommandFailed(Exception):
    def __init__(self, reason: str, status: ExitStatus = ExitStatus.FAILED) -> None:
        super().__init__(reason)
        self.status = status


def unknown(reason: str) -> CommandFailed:
    """Returns the failure of a command that was given the name of something that is not there."""
    return CommandFailed(reason, ExitStatus.UNKNOWN)
