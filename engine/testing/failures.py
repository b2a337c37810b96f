"""A specification that fails says what was given and done, what was expected, and what came."""

from collections.abc import Sequence
from typing import Any

NOTHING = ("nothing",)


def told(values: Sequence[object]) -> tuple[str, ...]:
    """Returns a line for each value, or one that says that there is none."""
    return tuple(map(repr, values)) or NOTHING


def failure(*, expected: Sequence[str], came: Sequence[str], **before: Sequence[Any]) -> AssertionError:
    """Returns the error of a specification. `before` maps the headings `given` and `when` to what led there."""
    parts = {**{heading: told(values) for heading, values in before.items()}, "expected": expected, "came": came}
    return AssertionError("\n".join(f"{heading}:\n    " + "\n    ".join(lines) for heading, lines in parts.items()))
