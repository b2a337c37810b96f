"""`openapi` describes the REST interface in OpenAPI 3.1, from its routes and the operations beside their handlers."""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from engine.triggers.http_requests import NAME_PATTERN
from engine.triggers.operations import ERRORS_OF_ALL, Answer, Description, Operation
from engine.triggers.parameters import Parameter
from engine.triggers.problems import PROBLEM_JSON, PROBLEM_TYPE, Problem, problem_of
from engine.triggers.schemas import Schemas

_PREFIX: Final = "/api/"
"""Stands before every route: `routePrefix` in host.json."""

_NAME: Final = {"type": "string", "pattern": NAME_PATTERN}

_KEYS: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "keyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
}

_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ETag": {"description": "The version of the stream, or the tag of the document.", "schema": {"type": "string"}},
    "Location": {"description": "Where to look.", "schema": {"type": "string", "format": "uri-reference"}},
    "Retry-After": {
        "description": "After so many seconds the request may be sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Preference-Applied": {"description": "The preference that was followed.", "schema": {"const": "respond-async"}},
    "Cache-Control": {"description": "How long the answer may be kept.", "schema": {"type": "string"}},
    "Content-Security-Policy": {"description": "What the page may load.", "schema": {"type": "string"}},
    "X-Content-Type-Options": {"description": "The media type is as it says.", "schema": {"const": "nosniff"}},
    "Referrer-Policy": {"description": "What the browser says of the page elsewhere.", "schema": {"type": "string"}},
    "x-request-charge": {
        "description": "The request units of Cosmos DB that this answer has cost; 0.00 for what another one has found.",
        "schema": {"type": "string", "pattern": r"^\d+\.\d{2}$"},
    },
}

ADVICE: Final[Mapping[str, str]] = {
    "the-request-is-malformed": "Mend the request as `detail` and `errors` say; the same one is refused again.",
    "not-found": "Check the id. What was asked for a moment after its cause may come yet: ask again in a while.",
    "stream-full": "Begin a new stream: this one takes no more events, ever.",
    "not-signed-in": "Sign in, and send the request again.",
    "role-missing": "Ask whoever gives app roles in your organization for the one in `detail`.",
    "length-required": "Send the body with a Content-Length instead of in chunks.",
    "precondition-failed": "Read the newest version, decide whether the request is still meant, and send it with that.",
    "too-large": "Send less: split the command into several.",
    "idempotency-key-reused": "Send another command with a key of its own.",
    "internal-error": "Report it, with the time. The same command may be sent again with its key.",
    "try-again": "Send the same request again, with the same Idempotency-Key, after the seconds in Retry-After.",
}
"""What a client does about a problem of the engine. For a refusal of the rules, its class says it."""


@dataclass(frozen=True, slots=True)
class Route:
    """Says how a function is reached. One that is `anonymous` needs no key."""

    function: str
    method: str
    path: str
    anonymous: bool


def routes_of(app: func.FunctionApp) -> tuple[Route, ...]:
    """Returns the routes of the functions of HTTP, by their declarations."""
    # By this record of their names, the library refuses to list the functions of an app twice.
    app.functions_bindings = None
    triggers = {str(each.get_function_name()): each.get_trigger() for each in app.get_functions()}
    app.functions_bindings = None
    found = ((name, trigger.get_dict_repr()) for name, trigger in triggers.items() if trigger is not None)
    return tuple(
        Route(name, str(each["methods"][0]), _PREFIX + each["route"], str(each["authLevel"]) == "ANONYMOUS")
        for name, each in found
        if each["type"] == "httpTrigger"
    )


def openapi(described: Description, routes: Iterable[Route], operations: Iterable[Operation]) -> dict[str, Any]:
    """Returns the description. Raises LookupError for a route without an operation, or an operation without a route.

    Reads the file of examples.
    """
    schemas = Schemas(described.shown_as)
    answers = {} if described.examples is None else json.loads(described.examples.read_text(encoding="utf-8"))
    by_function = {each.function: each for each in operations}
    paths: dict[str, dict[str, Any]] = {}
    examples: dict[str, Any] = {}
    for route in routes:
        operation = by_function.pop(route.function, None)
        if operation is None:
            raise LookupError(f"{route.function} has no operation: put one above its handler")
        shown = answers.pop(route.function, {})
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, operation, shown, schemas, examples)
    if unknown := {**by_function, **answers}:
        raise LookupError(f"{', '.join(unknown)}: there is no such function of HTTP")
    return {
        "openapi": "3.1.0",
        "info": {"title": described.title, "version": "1", "description": described.text},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "examples": dict(sorted(examples.items())),
            "headers": _HEADERS,
            "securitySchemes": _KEYS,
        },
    }


def _operation(
    route: Route, operation: Operation, shown: Mapping[str, Any], schemas: Schemas, examples: dict[str, Any]
) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    path = [{"name": name, "in": "path", "required": True, "schema": _NAME} for name in names]
    body = {} if operation.model is None else {"requestBody": _request_body(operation, schemas)}
    responses = {
        **{str(status): _answer(each, _example(shown, status), schemas) for status, each in operation.answers.items()},
        **_refused(route),
    }
    for status, problem in _problems((*operation.errors, *ERRORS_OF_ALL), schemas, examples).items():
        # A status may be that of an answer and of a problem.
        answered = responses.get(status, {"description": problem["description"]})
        responses[status] = {**problem, **answered, "content": {**answered.get("content", {}), **problem["content"]}}
    return {
        "operationId": route.function,
        "summary": operation.summary,
        "parameters": [*path, *map(_parameter, operation.parameters)],
        **body,
        "responses": dict(sorted(responses.items())),
        "security": [] if route.anonymous else [{name: []} for name in _KEYS],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    # The host leaves out parameters of a query that are empty, so to the function they are not there.
    empty = {"allowEmptyValue": True} if parameter.place == "query" else {}
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        **empty,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _request_body(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    media = {"schema": schemas.of(operation.model), "example": operation.example}
    return {"required": True, "content": {"application/json": media}}


def _example(shown: Mapping[str, Any], status: int) -> dict[str, Any]:
    return {"example": shown[str(status)]} if str(status) in shown else {}


def _answer(answer: Answer, example: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    content = (
        {} if answer.body is None else {"content": {answer.media_type: {"schema": answer.body(schemas), **example}}}
    )
    return {"description": answer.description, **_headers(answer.headers), **content}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    shown = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {"headers": shown} if shown else {}


def _refused(route: Route) -> dict[str, Any]:
    return {} if route.anonymous else {"401": {"description": "The host knows no key in the request."}}


def _problems(errors: Iterable[Exception], schemas: Schemas, examples: dict[str, Any]) -> dict[str, Any]:
    """Describes the problems that these errors become, by status; `examples` has one of each kind in the end."""
    found: dict[str, dict[str, Any]] = {}
    for error in errors:
        response = problem_of(error)
        body = json.loads(response.get_body())
        kind = body["type"].removeprefix(PROBLEM_TYPE)
        advice = ADVICE.get(kind) or inspect.cleandoc(type(error).__doc__ or "")
        examples.setdefault(kind, {"summary": body["title"], "description": advice, "value": body})
        entry = found.setdefault(
            str(response.status_code),
            {
                "description": HTTPStatus(response.status_code).phrase,
                **_headers(dict(response.headers)),
                "content": {PROBLEM_JSON: {"schema": schemas.of(Problem), "examples": {}}},
            },
        )
        entry["content"][PROBLEM_JSON]["examples"][kind] = {"$ref": f"#/components/examples/{kind}"}
    return found
