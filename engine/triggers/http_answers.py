"""HTTP functions answer with JSON bodies, with ETags, and with a problem for every error."""

import asyncio
import functools
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, NotRequired, ParamSpec, TypedDict, assert_never

import azure.functions as func

from engine.commands.outcomes.port import Done, Outcome, Pending, Refused
from engine.errors import OUTCOME_SETTLES_AFTER
from engine.storing.events import StoredEvent, time_at_rest
from engine.triggers import observed
from engine.triggers.http_requests import is_current
from engine.triggers.problems import Problem, problem, problem_json, problem_of, unavailable

P = ParamSpec("P")

_log = logging.getLogger(__name__)


class Up(TypedDict):
    status: Literal["up"]


class AcceptedCommand(TypedDict):
    """Shows a command that is carried out later, with what is known of it already."""

    commandId: str
    status: Literal["pending", "done", "refused"]


class CommandOutcome(TypedDict):
    """Shows what became of it: the stream and its version, or the problem that the client would have been answered."""

    status: Literal["pending", "done", "refused"]
    stream: NotRequired[str]
    version: NotRequired[int]
    problem: NotRequired[Problem]


class ShownEvent(TypedDict):
    """Shows an event and its metadata. `data` is its data as clients see it."""

    version: int
    type: str
    data: Any
    eventId: str
    occurredAt: Annotated[str, "date-time"]
    correlationId: str
    causationId: str
    traceparent: str
    actor: str


_Handler = Callable[P, Awaitable[func.HttpResponse]]


def answered(handler: _Handler[P]) -> _Handler[P]:
    """Turns every error of a handler into a problem.

    None escapes, since the worker never answers an escaped cancellation.
    """

    @functools.wraps(handler)
    async def answer_always(*args: P.args, **kwargs: P.kwargs) -> func.HttpResponse:
        request = next(each for each in args if isinstance(each, func.HttpRequest))
        with observed.request(request) as span:
            response = await always(*args, **kwargs)
            span.set({"http.response.status_code": response.status_code})
            if response.status_code >= 500:
                span.fail(str(response.status_code))
            return response

    async def always(*args: P.args, **kwargs: P.kwargs) -> func.HttpResponse:
        try:
            return await handler(*args, **kwargs)
        except asyncio.CancelledError:
            # What was begun may still take effect.
            return unavailable(OUTCOME_SETTLES_AFTER)
        except Exception as error:  # noqa: BLE001 - the edge: every error has an answer
            response = problem_of(error)
            if response.status_code == 500:
                _log.exception("a request failed by a defect of the service")
            elif response.status_code == 503:
                _log.warning("a request was turned away: %s", error)
            return response

    return answer_always


def answer(
    body: Mapping[str, Any], *, status: int = 200, version: int | None = None, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """Returns an answer with a JSON body; `version` is that of the stream, and becomes the ETag."""
    etag = {} if version is None else {"ETag": f'"{version}"'}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return func.HttpResponse(
        text.encode("utf-8", "surrogatepass"),
        status_code=status,
        mimetype="application/json",
        headers={**etag, **(headers or {})},
    )


def view_answer(req: func.HttpRequest, version: int, view: Mapping[str, Any]) -> func.HttpResponse:
    """Returns the view with its version, or a 304 without a body if the client has this version already."""
    if is_current(req, version):
        return func.HttpResponse(status_code=304, headers={"ETag": f'"{version}"'})
    return answer({**view, "version": version}, version=version)


def changing_answer(req: func.HttpRequest, body: Mapping[str, Any]) -> func.HttpResponse:
    """Returns a body that has no version, under a digest of it as its ETag, or a 304 if the client has it already."""
    response = answer(body)
    digest = hashlib.blake2b(response.get_body(), digest_size=12).hexdigest()
    if is_current(req, digest):
        return func.HttpResponse(status_code=304, headers={"ETag": f'"{digest}"'})
    response.headers["ETag"] = f'"{digest}"'
    return response


def accepted_answer(command_id: str, outcome: Outcome) -> func.HttpResponse:
    """Returns a 202 with the path of the command's outcome, and with what is known of it already."""
    headers = {"Location": f"/api/commands/{command_id}", "Preference-Applied": "respond-async"}
    return answer({"commandId": command_id, "status": outcome.status}, status=202, headers=headers)


def outcome_answer(outcome: Outcome | None, resources: Mapping[str, str]) -> func.HttpResponse:
    """Returns the outcome of a command and the path of its resource, or a 404 if there is no outcome.

    A refusal holds the problem that the client would have been answered.
    """
    match outcome:
        case None:
            return problem(404, "not-found", "Not found", "No such command is known. Outcomes are kept for seven days.")
        case Pending():
            return answer({"status": outcome.status})
        case Done():
            category, _, entity_id = outcome.stream_id.partition("-")
            resource = resources.get(category)
            body = {"status": outcome.status, "stream": outcome.stream_id, "version": outcome.version}
            return answer(body, headers={} if resource is None else {"Location": resource.format(entity_id)})
        case Refused():
            return answer({"status": outcome.status, "problem": problem_json(outcome.refusal)})
        case _:
            assert_never(outcome)


def event_json(stored: StoredEvent, data: Any) -> ShownEvent:
    metadata = stored.metadata
    return {
        "version": stored.version,
        "type": stored.type,
        "data": data,
        "eventId": metadata.event_id,
        "occurredAt": time_at_rest(metadata.occurred_at),
        "correlationId": metadata.correlation_id,
        "causationId": metadata.causation_id,
        "traceparent": metadata.traceparent,
        "actor": metadata.actor,
    }
