"""What goes back: status, body and the headers that clients insist on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from emulators.cosmos import charges
from emulators.cosmos.errors import CosmosError
from emulators.cosmos.requests import ACTIVITY_ID, CONTINUATION, ITEM_COUNT, SESSION_TOKEN, Request
from emulators.cosmos.session import session_token

_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    charge: float = charges.MINIMUM
    headers: dict[str, str] = field(default_factory=dict)
    substatus: int = 0


def json_answer(value: Any, *, status: int = 200, charge: float = charges.MINIMUM, etag: str | None = None) -> Answer:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, charge, {} if etag is None else {"etag": etag})


def feed_answer(
    name: str,
    rid: str,
    texts: Iterable[str],
    *,
    charge: float = charges.MINIMUM,
    etag: str | None = None,
    continuation: str | None = None,
) -> Answer:
    """A page. Exactly one JSON array: .NET cuts the items out from the first `[` to the last `]`."""
    items = list(texts)
    body = f'{{"_rid":"{rid}","{name}":[{",".join(items)}],"_count":{len(items)}}}'.encode()
    headers = {ITEM_COUNT: str(len(items))}
    if etag is not None:
        headers["etag"] = etag
    if continuation is not None:
        headers[CONTINUATION] = continuation
    return Answer(200, body, charge, headers)


def error_answer(error: CosmosError, request: Request) -> Answer:
    message = f"{error.message}\r\nActivityId: {request.activity_id}"
    body = json.dumps({"code": error.code, "message": message}).encode()
    headers = {}
    if error.retry_after_ms is not None:
        headers["x-ms-retry-after-ms"] = str(error.retry_after_ms)
    charge = charges.MINIMUM if error.status in {400, 404, 409, 412} else 0.0
    return Answer(error.status, body, charge, headers, error.substatus)


def header_lines(answer: Answer, request: Request) -> dict[str, str]:
    """All headers of an answer; those of a container's answers carry its session, on errors too."""
    headers = {
        ACTIVITY_ID: request.activity_id,
        "x-ms-request-charge": f"{answer.charge:g}",
        "x-ms-gatewayversion": "2.0.0",
        "x-ms-serviceversion": "version=2.14.0.0",
    }
    if answer.body:
        headers["Content-Type"] = _JSON
    if answer.substatus or answer.status >= 400:
        headers["x-ms-substatus"] = str(answer.substatus)
    container = request.container
    if container is not None:
        lsn = container.lsn if request.served_lsn is None else request.served_lsn
        ranges = request.ranges or tuple(key_range.id for key_range in container.ranges)
        headers[SESSION_TOKEN] = session_token(ranges, lsn)
        headers["lsn"] = str(lsn)
        headers["x-ms-documentdb-partitionkeyrangeid"] = ranges[0]
        headers["x-ms-alt-content-path"] = container.alt_link
        headers["x-ms-content-path"] = container.rid
    headers.update(answer.headers)
    return headers
