"""A command shows on stderr how far it is: drawn on a terminal, and a line from time to time otherwise."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from operate.output import is_drawn, say

if TYPE_CHECKING:
    from rich.progress import Progress

_LINE_EVERY_SECONDS: Final = 5.0
_DRAWN_PER_SECOND: Final = 8

Gauge = tuple[int, int]
"""A gauge says how many of how many."""


@contextmanager
def steps(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Yields a function to be called after each step, with what was done.

    Off a terminal, the first and the last step are said, and one in five seconds between them.
    """
    if is_drawn(sys.stderr):
        with _progress() as progress:
            bar = progress.add_task(title, total=total or None)
            yield lambda text: progress.update(bar, advance=1, description=f"{title}  {text}")
        return
    lines = _Lines()
    done = 0

    def step(text: str) -> None:
        nonlocal done
        done += 1
        lines.tell(f"{done} of {total}: {text}" if total else text)

    try:
        yield step
    finally:
        lines.end()


@contextmanager
def gauges(title: str) -> Iterator[Callable[[Mapping[str, Gauge]], None]]:
    """Yields a function to be called with counts that move, as often as anybody likes.

    Off a terminal, they are said at the beginning, every five seconds and at the end.
    """
    began = time.monotonic()
    if is_drawn(sys.stderr):
        with _progress() as progress:
            bars = {}

            def draw(counts: Mapping[str, Gauge]) -> None:
                for name, (count, total) in counts.items():
                    if name not in bars:
                        bars[name] = progress.add_task(f"{title}{name}", total=total)
                    progress.update(bars[name], completed=count)

            yield draw
        return
    lines = _Lines()

    def tell(counts: Mapping[str, Gauge]) -> None:
        said = ", ".join(f"{count} of {total} {name}" for name, (count, total) in counts.items())
        lines.tell(f"{title}{time.monotonic() - began:5.1f} s  {said}")

    try:
        yield tell
    finally:
        lines.end()


class _Lines:
    """Says the first of what it is told, the last, and one in five seconds between them."""

    def __init__(self) -> None:
        self._said_at = float("-inf")
        self._left: str | None = None

    def tell(self, line: str) -> None:
        self._left = line
        if time.monotonic() - self._said_at >= _LINE_EVERY_SECONDS:
            self.end()

    def end(self) -> None:
        if self._left is not None:
            say(self._left)
            self._left, self._said_at = None, time.monotonic()


def _progress() -> "Progress":
    # A terminal alone pays for this import.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        refresh_per_second=_DRAWN_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
