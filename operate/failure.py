"""A command fails in one line that says what to do."""

from typing import Final

STAYS_DONE: Final = "what was done stays done, run it again"
"""This is added where something may have been done before it failed."""


class CommandFailed(Exception):
    pass
