"""Every error becomes problem details (RFC 9457); this is the only table from errors to answers."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NotRequired, TypedDict

import azure.functions as func

from engine.commands.errors import TooBusy
from engine.commands.refusals import Refusal, kebab, refusal_of
from engine.errors import Unavailable
from engine.storing.errors import NewerEvent

PROBLEM_JSON: Final = "application/problem+json"
PROBLEM_TYPE: Final = "urn:problem-type:"
"""Stands before the kind of a problem in its type. docs/problems.md has a section for each kind."""

_NEWER_BUILD_RETRY_AFTER: Final = 10.0


@dataclass(frozen=True, slots=True)
class Violation:
    """Says what is wrong with one part of the body; `pointer` is a JSON pointer to it."""

    pointer: str
    detail: str


class BadRequest(Exception):
    """Is raised for a request that cannot be understood. `status` is a 4xx."""

    def __init__(
        self, detail: str, *, status: int = 400, title: str = "", violations: Sequence[Violation] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title or "The request is malformed"
        self.violations = violations


class LengthRequired(BadRequest):
    def __init__(self) -> None:
        super().__init__(
            "A chunked body does not reach this service. Send it with a Content-Length.",
            status=411,
            title="Length required",
        )


class NotFound(BadRequest):
    def __init__(self, detail: str) -> None:
        super().__init__(detail, status=404, title="Not found")


class BodyTooLarge(BadRequest):
    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"The body has {size} bytes, at most {most} are accepted.", status=413, title="Too large")


class Problem(TypedDict):
    """Shows a problem as clients see it."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[Violation]]


def problem_of(error: Exception) -> func.HttpResponse:
    """Returns the answer to any error. An unknown error is a defect of the service: a 500 that reveals nothing."""
    if isinstance(error, BadRequest):
        return problem(error.status, kebab(error.title), error.title, str(error), violations=error.violations)
    refusal = refusal_of(error)
    if refusal is not None:
        return problem(refusal.status, refusal.type, refusal.title, refusal.detail)
    match error:
        case TooBusy() | Unavailable():
            return unavailable(error.retry_after)
        case NewerEvent():
            return unavailable(_NEWER_BUILD_RETRY_AFTER)
        case _:
            return problem(500, "internal-error", "Internal error", "The service has a defect. It has been logged.")


def unavailable(retry_after: float) -> func.HttpResponse:
    """Returns a 503: the same request with the same idempotency key is safe to repeat after `retry_after` seconds."""
    return problem(
        503,
        "try-again",
        "Temporarily unavailable",
        "Send the same request again, with the same Idempotency-Key, after the time in Retry-After.",
        retry_after=max(1, math.ceil(retry_after)),
    )


def problem_json(refusal: Refusal) -> dict[str, Any]:
    """Returns the members of a problem, without those that are optional."""
    return {
        "type": f"{PROBLEM_TYPE}{refusal.type}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }


def problem(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    violations: Sequence[Violation] = (),
    retry_after: int | None = None,
) -> func.HttpResponse:
    body = problem_json(Refusal(status, kind, title, detail))
    if violations:
        body["errors"] = [{"pointer": each.pointer, "detail": each.detail} for each in violations]
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype=PROBLEM_JSON, headers=headers)
