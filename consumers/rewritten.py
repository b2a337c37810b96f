"""Which events of the trigger's batch cannot be taken at their word.

The Functions host re-writes every string of a document that looks like an ISO 8601 date-time
(`2026-01-02T03:04:05.000Z` becomes `2026-01-02T03:04:05Z`, `/Date(1700000000000)/` becomes a date-time). What it has
re-written still looks like one, so an event whose data holds such a text is read again from the store.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def may_be_rewritten(data: Any) -> bool:
    """Whether any text in `data`, property names aside, looks like a date-time."""
    if isinstance(data, str):
        return _DATE_TIME.match(data) is not None
    if isinstance(data, Mapping):
        return any(may_be_rewritten(value) for value in data.values())
    if isinstance(data, (list, tuple)):
        return any(may_be_rewritten(value) for value in data)
    return False
