"""The page names traces by their ids, by which a receiver of traces finds them."""

import re
from typing import Final

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: object) -> str | None:
    """Returns the trace id in a `traceparent` (W3C Trace Context); None for whatever is none."""
    match = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return None if match is None else match[1]
