"""Time spans of .NET, as settings of the host write them."""

import re

_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


def parse_timespan(text: str) -> float:
    """The seconds of a .NET TimeSpan such as `00:05:00`, `1.00:00:00` or `00:00:00.5`. Raises ValueError."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time span of the form [d.]hh:mm:ss[.fffffff]")
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise ValueError(f"{text!r} is not a time span: hours go to 23, minutes and seconds to 59")
    return ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds) + float(f"0.{fraction}")
