"""An HTTP request is read for its caller, idempotency key, precondition, trace, parameters and body."""

import base64
import binascii
import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, Generic, NoReturn, TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError

from engine.messaging.envelope import CommandEnvelope, Origin
from engine.projecting.counting.sums import Span
from engine.storing.events import time_at_rest
from engine.telemetry.spans import current
from engine.triggers.problems import BadRequest, BodyTooLarge, LengthRequired, Violation

B = TypeVar("B", bound=BaseModel)
R = TypeVar("R", covariant=True)

MAX_BODY_BYTES: Final = 64 * 1024

NAME_PATTERN: Final = r"^[A-Za-z0-9._-]{1,64}$"
"""Ids in paths, and names in bodies, match this pattern."""

_NAME: Final = re.compile(NAME_PATTERN)

USUAL_VIEWS: Final = 20
MOST_VIEWS: Final = 100
USUAL_EVENTS: Final = 100
MOST_EVENTS: Final = 500
"""A page has so many views, or events, where the client does not say how many, and may have so many at most."""

_COMMANDS: Final = uuid.UUID("6f1f3f0e-2f59-5f0a-9a3e-7a1f2f0c8d11")
IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{1,100}")
STRONG_ETAG: Final = re.compile(r'"(0|[1-9][0-9]{0,9})"')
_VERSION: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MINUTE: Final = timedelta(minutes=1)
_USUAL_SPAN: Final = timedelta(hours=1)
_LONGEST_SPAN: Final = timedelta(hours=24)
_OF_PYDANTIC: Final = "Value error, "
"""Pydantic puts this before the message of a validator of ours."""
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class CommandRequest(Generic[R]):
    """Holds what a request for a command says, before its command and its stream are known."""

    body: R
    command_id: str
    fingerprint: str
    origin: Origin
    expected_version: int | None

    def to(self, stream_id: str, command: object) -> CommandEnvelope:
        """Returns the envelope of `command` to the stream."""
        return CommandEnvelope(
            stream_id, command, self.command_id, self.fingerprint, self.origin, self.expected_version
        )


def read_command(
    req: func.HttpRequest,
    route: str,
    model: type[B],
    *,
    trust_easyauth: bool,
    key_of: Callable[[B], str] | None = None,
) -> CommandRequest[B]:
    """Returns what a request for a command says; `route` is its path with the ids. Raises BadRequest.

    The command id is a UUIDv5 of caller, method, route and Idempotency-Key, so the same key means the same command on
    every instance. `key_of` takes the key from the body instead, whatever the header says; without either, the id is
    random.
    """
    body = _body(req)
    canonical = _canonical(body)
    described = _validated(model, body)
    caller = _caller(req, trust_easyauth=trust_easyauth)
    key = req.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 100 printable ASCII characters.")
    if key_of is not None:
        key = key_of(described)
    if key is None:
        command_id = str(uuid.uuid4())
    else:
        command_id = str(uuid.uuid5(_COMMANDS, "\n".join((caller, req.method.upper(), route, key))))
    return CommandRequest(
        body=described,
        command_id=command_id,
        fingerprint=_fingerprint(canonical),
        origin=Origin(caller, command_id, command_id, current() or _traceparent(req)),
        expected_version=_if_match(req),
    )


def read_body(req: func.HttpRequest, model: type[B]) -> B:
    """Returns the body of a request that is no command of the domain. Raises BadRequest."""
    body = _body(req)
    _canonical(body)
    return _validated(model, body)


def read_name(req: func.HttpRequest, parameter: str) -> str:
    """Returns the id in this parameter of the path. Raises BadRequest."""
    return as_name(parameter, req.route_params.get(parameter, ""))


def read_id(req: func.HttpRequest, parameter: str) -> str:
    """Returns the id in this parameter of the query, which has to be there. Raises BadRequest."""
    return as_name(parameter, req.params.get(parameter, ""))


def read_text(req: func.HttpRequest, parameter: str) -> str:
    """Returns what this parameter of the query says, which has to say something. Raises BadRequest."""
    text: str = req.params.get(parameter, "").strip()
    if not text:
        raise BadRequest(f"{parameter} must be given.")
    return text


def as_name(parameter: str, value: str) -> str:
    """Returns the value of a parameter that is an id. Raises BadRequest."""
    if not _NAME.fullmatch(value):
        raise BadRequest(f"{parameter} must be 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen.")
    return value


def read_limit(req: func.HttpRequest, *, usual: int = USUAL_VIEWS, most: int = MOST_VIEWS) -> int:
    """Returns how many items a page may have. Raises BadRequest."""
    _refuse_misspelt(req, "limit", "continuation")
    text = req.params.get("limit", str(usual))
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text) or int(text) > most:
        raise BadRequest(f"limit must be a whole number from 1 to {most}.")
    return int(text)


def read_continuation(req: func.HttpRequest, places: re.Pattern[str]) -> str | None:
    """Returns the place where the page begins, such as a sort key; None for the first page.

    Raises BadRequest if it does not match `places`.
    """
    text = req.params.get("continuation")
    if text is None:
        return None
    try:
        place = base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        place = ""
    if not places.fullmatch(place):
        raise BadRequest("continuation must be the one that the page before has answered.")
    return place


def continuation_of(place: str) -> str:
    """Returns the continuation that `read_continuation` turns back into this place."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def read_version(req: func.HttpRequest, name: str) -> int:
    """Returns a version from a query parameter, which has to be there. Raises BadRequest."""
    version = _version(req, name)
    if not version:
        raise BadRequest(f"{name} must be given, and counts from 1.")
    return version


def read_min_version(req: func.HttpRequest) -> int:
    """Returns the version that the caller requires to see, 0 if it requires none. Raises BadRequest."""
    return _version(req, "minVersion")


def _version(req: func.HttpRequest, name: str) -> int:
    """Returns a version from a query parameter, 0 if it is absent. Raises BadRequest."""
    _refuse_misspelt(req, name)
    text = req.params.get(name)
    if text is None:
        return 0
    if not _VERSION.fullmatch(text):
        raise BadRequest(f"{name} must be a version: a whole number of at most ten digits.")
    return int(text)


def read_switch(req: func.HttpRequest, name: str) -> bool:
    """Returns whether a query parameter is true; absent means false. Raises BadRequest."""
    _refuse_misspelt(req, name)
    text = req.params.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"{name} must be true or false.")
    return bool(text == "true")


def read_choice(req: func.HttpRequest, name: str, choices: Sequence[str]) -> str:
    """Returns which one of these a query parameter says; absent means the first. Raises BadRequest."""
    _refuse_misspelt(req, name)
    text: str = req.params.get(name, choices[0])
    if text not in choices:
        raise BadRequest(f"{name} must be {' or '.join(choices)}.")
    return text


@dataclass(frozen=True, slots=True)
class Moment:
    """Says which state of a stream a query asks for: the newest with at least `min_version`, or a past one."""

    min_version: int = 0
    at_version: int | None = None
    as_of: datetime | None = None


def read_moment(req: func.HttpRequest) -> Moment:
    """Reads `minVersion`, `atVersion` and `asOf`, of which at most one may be given. Raises BadRequest."""
    _refuse_misspelt(req, "minVersion", "atVersion", "asOf")
    given = [name for name in ("minVersion", "atVersion", "asOf") if name in req.params]
    if len(given) > 1:
        raise BadRequest(f"{' and '.join(given)} exclude each other.")
    at_version = _version(req, "atVersion") if "atVersion" in given else None
    if at_version == 0:
        raise BadRequest("atVersion counts from 1.")
    return Moment(read_min_version(req), at_version, _time(req, "asOf") if "asOf" in given else None)


def read_span(req: func.HttpRequest, now: datetime) -> Span:
    """Reads `from` and `to`, whole minutes: the hour before `to`, and the end of this minute, unless they are given.

    Raises BadRequest for a span that is empty, longer than `_LONGEST_SPAN`, or ends in the future.
    """
    _refuse_misspelt(req, "from", "to")
    coming = now.replace(second=0, microsecond=0) + _MINUTE
    end = _minute(req, "to") if "to" in req.params else coming
    try:
        start = _minute(req, "from") if "from" in req.params else end - _USUAL_SPAN
    except OverflowError:
        raise BadRequest("to must be an hour later, or from be given.") from None
    # The clock of a client may be ahead.
    if end > coming + _MINUTE:
        raise BadRequest(f"to must not be in the future: it is {time_at_rest(now)} here.")
    if start >= end:
        raise BadRequest(f"from must be before to, which is {time_at_rest(end)}.")
    if end - start > _LONGEST_SPAN:
        raise BadRequest(f"from and to, which is {time_at_rest(end)}, must be at most 24 hours apart: ask day by day.")
    return Span(start, end)


def _minute(req: func.HttpRequest, name: str) -> datetime:
    time = _time(req, name)
    if time.second or time.microsecond:
        raise BadRequest(f"{name} must be a whole minute, such as 2026-11-23T12:00:00Z.")
    return time


def _refuse_misspelt(req: func.HttpRequest, *known: str) -> None:
    """Raises BadRequest for a parameter that is nearly one of those known: to ignore it would mislead the client.

    Other unknown parameters pass: `code` carries the key of a function, and proxies may add their own.
    """
    unknown = [name for name in req.params if name not in known]
    if not unknown:
        return
    by_lower_case = {each.lower(): each for each in known}
    for name in unknown:
        near = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.75)
        if near:
            raise BadRequest(f"There is no parameter {name}: did you mean {by_lower_case[near[0]]}?")


def _time(req: func.HttpRequest, name: str) -> datetime:
    # A plus sign in a query means a space, unless the client has encoded it.
    return as_time(name, req.params[name].replace(" ", "+"))


def as_time(name: str, text: str) -> datetime:
    """Returns the value of a parameter that is a date-time with a zone, in UTC. Raises BadRequest."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None or not _TIME.fullmatch(text):
            raise ValueError
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be an ISO 8601 date-time with a zone, such as 2026-11-23T12:00:00Z.") from None


def prefers_async(req: func.HttpRequest) -> bool:
    """Returns whether the client prefers to ask later (RFC 7240, section 4.1); other preferences are ignored."""
    header: str = req.headers.get("prefer", "")
    return any(each.split(";")[0].strip().lower() == "respond-async" for each in header.split(","))


def is_current(req: func.HttpRequest, tag: int | str) -> bool:
    """Returns whether If-None-Match names this version, or this tag.

    It compares weakly, in a list or as `*` (RFC 9110, 13.1.2).
    """
    header: str = req.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return f'"{tag}"' in tags or header.strip() == "*"


def _body(req: func.HttpRequest) -> bytes:
    body = req.get_body()
    if not body and "chunked" in req.headers.get("transfer-encoding", "").lower():
        # Without http.enableChunkedRequestBinding the Functions host hands over chunked requests without their body.
        raise LengthRequired
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(len(body), MAX_BODY_BYTES)
    return body


def _canonical(body: bytes) -> str:
    """Returns the body as JSON with sorted keys and no spaces.

    Raises BadRequest also for what JSON leaves open: duplicate keys, and NaN.
    """
    try:
        value = json.loads(body, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"The body is not JSON as this service reads it: {reason}") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same key twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _fingerprint(canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _validated(model: type[B], body: bytes) -> B:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        violations = [
            Violation("/" + "/".join(str(part) for part in detail["loc"]), detail["msg"].removeprefix(_OF_PYDANTIC))
            for detail in details[:20]
        ]
        raise BadRequest("The body does not describe this command.", violations=violations) from error


def _caller(req: func.HttpRequest, *, trust_easyauth: bool) -> str:
    """Returns the caller that platform authentication has put into a header.

    Without platform authentication, any client could set the header, so it counts only where it is trusted.
    """
    if not trust_easyauth:
        return "anonymous"
    principal: str = req.headers.get("x-ms-client-principal-id", "")
    return principal or "anonymous"


def _if_match(req: func.HttpRequest) -> int | None:
    header = req.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = STRONG_ETAG.fullmatch(header.strip())
    if match is None:
        raise BadRequest('If-Match must be one version of the stream as answered in ETag, such as "3", or *.')
    return int(match[1])


def _traceparent(req: func.HttpRequest) -> str:
    """Returns the caller's `traceparent`, or the root of a new trace.

    W3C Trace Context, section 3.2, requires malformed ones to be ignored.
    """
    header: str = req.headers.get("traceparent", "").strip()
    if _TRACEPARENT.fullmatch(header):
        return header
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
