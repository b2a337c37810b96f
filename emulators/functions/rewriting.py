"""What the host does to the documents of a change feed before a function sees them.

The Cosmos DB extension turns a batch into Json.NET objects and back. Json.NET takes every string value that
looks like an ISO 8601 date-time (or `/Date(ms)/`) for a date and writes it in its own form: the fraction loses
its trailing zeros, an offset becomes the host's local zone. A string in Json.NET's own form stays as it is.
The host's zone is UTC here, as it is in Azure.
"""

import calendar
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

# DateTimeUtils and DateTimeParser of Json.NET: at most seven digits of fraction, nothing after the zone.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII
)
_MICROSOFT = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rewrite_documents(documents: list[dict[str, Any]]) -> str:
    """The JSON text of a batch as the function gets it: compact, properties in their order, dates rewritten."""
    return json.dumps([rewrite(document) for document in documents], separators=(",", ":"), ensure_ascii=False)


def rewrite(value: Any) -> Any:
    """A JSON value with every string in it that Json.NET takes for a date-time rewritten; keys are not.

    However deeply it is nested: what is still to do is kept in a list.
    """
    whole = [value]
    places: list[tuple[Any, Any]] = [(whole, 0)]
    while places:
        holder, place = places.pop()
        item = holder[place]
        if isinstance(item, str):
            holder[place] = rewrite_text(item)
        elif isinstance(item, dict):
            holder[place] = item = dict(item)
            places += [(item, key) for key in item]
        elif isinstance(item, list):
            holder[place] = item = list(item)
            places += [(item, number) for number in range(len(item))]
    return whole[0]


def rewrite_text(text: str) -> str:
    """One string as Json.NET hands it on."""
    date = date_in(text)
    return text if date is None else str(date)


@dataclass(frozen=True)
class Date:
    """A date-time as Json.NET keeps it: to the second, the other digits of the fraction, the zone as it is written."""

    moment: datetime
    digits: str
    zone: str

    def __str__(self) -> str:
        return f"{_to_seconds(self.moment)}{'.' + self.digits if self.digits else ''}{self.zone}"


def date_in(text: str) -> Date | None:
    """The date-time that Json.NET takes a string for, None if it stays a string."""
    if 19 <= len(text) <= 40 and text[10] == "T":
        return _iso_date(text)
    if text.startswith("/Date("):
        return _microsoft_date(text)
    return None


def _iso_date(text: str) -> Date | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    fraction = (match[7] or "").ljust(7, "0")
    midnight_after = hour == 24 and minute == second == int(fraction) == 0
    if (hour > 23 and not midnight_after) or minute > 59 or second > 59:
        return None
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    try:
        moment = datetime(year, month, day, 0 if midnight_after else hour, minute, second, tzinfo=UTC)
        moment += timedelta(days=1 if midnight_after else 0)
        zone = ""
        if match[8]:
            zone = "Z"
        elif match[9]:
            offset = timedelta(hours=int(match[10]), minutes=int(match[11] or 0))
            moment = moment - offset if match[9] == "+" else moment + offset
            zone = "+00:00"
    except OverflowError:
        return None
    return Date(moment, fraction.rstrip("0"), zone)


def _microsoft_date(text: str) -> Date | None:
    match = _MICROSOFT.fullmatch(text)
    if match is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return None
    digits = f"{moment.microsecond:06}".rstrip("0")
    return Date(moment, digits, "+00:00" if match[2] else "Z")


def _to_seconds(moment: datetime) -> str:
    # strftime("%Y") does not pad years before 1000 on every platform.
    return moment.replace(tzinfo=None, microsecond=0).isoformat()
