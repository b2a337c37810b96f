"""ISO 8601 durations as configurations write them: `PT30S`, `PT5M`, `P1DT2H`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def parse_duration(text: str) -> timedelta:
    """Raises ValueError. Years and months are none: their length varies."""
    found = _DURATION.fullmatch(text)
    if found is None or text == "P":
        raise ValueError(f"{text!r} is no ISO 8601 duration like PT30S")
    return timedelta(**{name: float(value) for name, value in found.groupdict().items() if value is not None})
