"""A parameter that several routes take is described here once, with the pattern by which it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.triggers import http_requests


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describes a parameter of the query, or a header of the request. A client may leave it out."""

    name: str
    place: Literal["query", "header"]
    schema: Mapping[str, Any]
    description: str


def _whole(pattern: str) -> Mapping[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def limit(what: str, usual: int, most: int) -> Parameter:
    """Returns the parameter of pages that have `usual` items, and `most` at most."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", "query", schema, f"How many {what} a page has at most.")


_VERSION: Final = {"type": "integer", "minimum": 0, "maximum": 9_999_999_999}

MIN_VERSION: Final = Parameter(
    "minVersion", "query", _VERSION,
    "The answer shows this version of the stream or a later one: with the one that a command has answered, a client "
    "reads its own write.",
)  # fmt: skip
AT_VERSION: Final = Parameter(
    "atVersion", "query", {**_VERSION, "minimum": 1}, "The answer is as it was at this version. Excludes the others."
)
AS_OF: Final = Parameter(
    "asOf", "query", {"type": "string", "format": "date-time", "examples": ["2026-11-23T12:00:00Z"]},
    "The answer is as it was at this time, a date-time with its zone. Excludes the others.",
)  # fmt: skip
_MINUTE: Final = {"type": "string", "format": "date-time", "examples": ["2026-11-23T12:00:00Z"]}

FROM: Final = Parameter("from", "query", _MINUTE, "A whole minute, the first of the span; an hour before `to`.")
TO: Final = Parameter(
    "to", "query", _MINUTE, "A whole minute, at which the span ends, of 24 hours at most; the end of this minute."
)
CONTINUATION: Final = Parameter(
    "continuation", "query", {"type": "string"},
    "The place of the next page, as the page before has answered it; the other parameters stay the same.",
)  # fmt: skip
ALL: Final = Parameter(
    "all", "query", {"type": "boolean", "default": False},
    "With true, the events of the streams beside it too, all of them by time, each with its stream.",
)  # fmt: skip
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key", "header", _whole(http_requests.IDEMPOTENCY_KEY.pattern),
    "A command that is sent again with its key takes effect once, and gets its first answer again.",
)  # fmt: skip
IF_MATCH: Final = Parameter(
    "If-Match", "header", {**_whole(rf"\*|{http_requests.STRONG_ETAG.pattern}"), "examples": ['"3"']},
    "The command is refused unless the stream is at this version, an ETag; `*` stands for any.",
)  # fmt: skip
IF_NONE_MATCH: Final = Parameter(
    "If-None-Match", "header", {"type": "string", "examples": ['"3"']},
    "ETags that the client has: the answer is a 304 without a body if the present one is among them.",
)  # fmt: skip
PREFER: Final = Parameter(
    "Prefer", "header", {"type": "string", "examples": ["respond-async"]},
    "With `respond-async`, the command is accepted and carried out later. Other preferences are ignored.",
)  # fmt: skip
TRACEPARENT: Final = Parameter(
    "traceparent", "header", {"type": "string"}, "The trace that the command belongs to (W3C Trace Context)."
)
