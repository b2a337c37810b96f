"""What a specification says when it does not hold: what was given and done, what was expected, and what came."""

from collections.abc import Sequence
from typing import Any

NOTHING = ("nothing",)


def told(values: Sequence[object]) -> tuple[str, ...]:
    """A line for each value."""
    return tuple(map(repr, values)) or NOTHING


def failure(*, expected: Sequence[str], came: Sequence[str], **before: Sequence[Any]) -> AssertionError:
    """`before` is what led there, by its headings: `given`, `when`."""
    parts = {**{heading: told(values) for heading, values in before.items()}, "expected": expected, "came": came}
    return AssertionError("\n".join(f"{heading}:\n    " + "\n    ".join(lines) for heading, lines in parts.items()))
