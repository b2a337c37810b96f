"""A session is one run of the command line: it says what it works on, and knows whether it may have changed that."""

import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operate.consent import require_consent
from operate.environment import Environment, environment
from operate.failure import STAYS_DONE
from operate.output import say
from operate.target import Part, Place, doubt, places, told


@dataclass(slots=True)
class Session:
    """Is given to every command; `root` is the project that the command belongs to."""

    root: Path
    may_have_changed: bool = False

    def environment(self, *, with_functions: bool = False) -> Environment:
        """Reads the settings, which no command pays for that does without. Raises CommandFailed."""
        return environment(self.root, with_functions=with_functions)

    def connect(self, *parts: Part) -> Mapping[str, str]:
        """Says which account the command reads; gives its settings. Raises CommandFailed and SettingsError."""
        known = self.environment()
        at = places(known, parts)
        say(told(at))
        _say_doubt(at)
        return known.settings

    def connect_to_change(self, *parts: Part, yes: bool) -> Mapping[str, str]:
        """Says which account the command changes, and asks before it does so elsewhere than on this machine.

        Raises CommandFailed, without consent too, and SettingsError.
        """
        known = self.environment()
        at = places(known, parts)
        _say_doubt(at)
        self.aim(at, yes=yes)
        return known.settings

    def aim(self, at: Sequence[Place], *, yes: bool) -> None:
        """Says what the command changes, and asks where it has to. Raises CommandFailed without consent."""
        say(told(at))
        require_consent(at, yes=yes)
        self.may_have_changed = True

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it to its end. Raises what it raises, and whatever an SDK logs beside that is not shown."""
        # Help and completion do without it: it is a quarter of what they import.
        import asyncio

        logging.getLogger("azure").propagate = False
        logging.getLogger("azure").addHandler(logging.NullHandler())
        asyncio.run(work)

    def with_what_is_done(self, reason: str) -> str:
        """Adds what has become of changes, if there may have been any."""
        return f"{reason}; {STAYS_DONE}" if self.may_have_changed else reason


def _say_doubt(at: Sequence[Place]) -> None:
    if (doubtful := doubt(at)) is not None:
        say(doubtful)
