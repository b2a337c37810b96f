"""Nothing that is not on this machine is changed without consent."""

import sys
from collections.abc import Sequence

import click

from operate.failure import CommandFailed
from operate.target import Place


def require_consent(at: Sequence[Place], *, yes: bool) -> None:
    """Asks about every place that is not on this machine; `yes` is the answer. Raises CommandFailed for a no."""
    elsewhere = " and ".join(place.name for place in at if not place.is_here)
    if not elsewhere or yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandFailed(f"{elsewhere}: not on this machine, so nothing was done; --yes goes on without asking")
    if not click.confirm(f"This changes {elsewhere}, not on this machine. Go on?", err=True):
        raise CommandFailed("nothing was done")
