"""An operation says beside a handler of HTTP what it takes and answers; `openapi.py` makes the description of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, get_type_hints, is_typeddict

from engine.commands.errors import CommandIdReused, PreconditionFailed, UnknownStream
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.errors import Unavailable
from engine.projecting.query import PageQuery, ReadModel, StreamQuery
from engine.storing.errors import StreamFull
from engine.triggers.http_answers import AcceptedCommand, ShownEvent
from engine.triggers.http_requests import (
    IDEMPOTENCY_KEY,
    MAX_BODY_BYTES,
    MOST_EVENTS,
    MOST_VIEWS,
    STRONG_ETAG,
    USUAL_EVENTS,
    USUAL_VIEWS,
)
from engine.triggers.problems import BadRequest, BodyTooLarge, LengthRequired

if TYPE_CHECKING:
    from pydantic import BaseModel

    from engine.triggers.schemas import Schema, Schemas

H = TypeVar("H", bound=Callable[..., Any])

Body = Callable[["Schemas"], "Schema"]
"""Describes a body of an answer."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describes a parameter of the query, or a header of the request. A client may leave it out."""

    name: str
    place: Literal["query", "header"]
    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are names that `openapi.py` describes. `body` is None for an answer without one."""

    description: str
    body: Body | None = None
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """Describes the function `function` of function_app.py, which has its route and method.

    `answers` are those of success by their status, `errors` one of each kind that the function answers with a problem;
    what every function may answer, a 500 and a 503, need not be among them. `example` is a body that `model` takes.
    """

    function: str
    summary: str
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[Exception, ...] = ()
    model: "type[BaseModel] | None" = None
    example: Mapping[str, Any] | None = None


def described(operation: Operation) -> Callable[[H], H]:
    """Decorates a handler with its operation, below `answered`, which keeps it."""

    def decorate(handler: H) -> H:
        handler.operation = operation  # type: ignore[attr-defined]  # read by `operations_of`
        return handler

    return decorate


def operations_of(parts: Iterable[type]) -> tuple[Operation, ...]:
    """Returns the operations of the handlers of these classes."""
    handlers = (each for part in parts for each in vars(part).values())
    return tuple(each.operation for each in handlers if hasattr(each, "operation"))


def command(
    function: str,
    summary: str,
    model: "type[BaseModel]",
    answer: Any,
    *,
    example: Mapping[str, Any],
    refusals: tuple[DomainError, ...] = (),
    status: int = 200,
) -> Operation:
    """Returns the operation of a function that carries a command out.

    `answer` is the type of its JSON, and `refusals` are those of the rules: one of each kind.
    """
    location = ("Location",) if status == 201 else ()
    answers = {
        status: Answer("The command has taken effect.", lambda schemas: schemas.of(answer), ("ETag", *location)),
        202: Answer(
            "The command is accepted, and will be carried out.",
            lambda schemas: schemas.of(AcceptedCommand),
            ("Location", "Preference-Applied"),
        ),
    }
    parameters = (_IDEMPOTENCY_KEY, _IF_MATCH, _PREFER, _TRACEPARENT)
    return Operation(function, summary, answers, parameters, (*_ERRORS_OF_COMMANDS, *refusals), model, example)


def events(function: str, summary: str, *aggregates: Aggregate[Any, Any, Any]) -> Operation:
    """Returns the operation of a function that answers with events of a stream, or of one stream of each aggregate.

    With several aggregates, the parameter `all` asks for the others than the first.
    """
    answer = Answer(
        "A page of events. The last page of a single stream has the version of the stream as its ETag.",
        lambda schemas: _events(schemas, function, aggregates),
        ("ETag",),
    )
    parameters = (
        *((_ALL,) if len(aggregates) > 1 else ()),
        _limit("events", USUAL_EVENTS, MOST_EVENTS),
        _CONTINUATION,
        _MIN_VERSION,
    )
    return Operation(function, summary, {200: answer}, parameters, (MALFORMED, UnknownStream("…"), _BEHIND))


def query(function: str, summary: str, read_model: ReadModel) -> Operation:
    """Returns the operation of a function that answers from a read model. Raises LookupError if it has no query."""
    match read_model.query:
        case StreamQuery() as stream:
            moments = (_AT_VERSION, _AS_OF) if stream.at_moments else ()
            view = Answer("The view.", lambda schemas: _view(schemas, stream), ("ETag",))
            answers = {200: view, 304: Answer("The client has this version.", headers=("ETag",))}
            errors = (MALFORMED, UnknownStream("…", stream.unknown), _BEHIND)
            return Operation(function, summary, answers, (_MIN_VERSION, *moments, _IF_NONE_MATCH), errors)
        case PageQuery() as partition:
            page = Answer("A page of views.", lambda schemas: _page(schemas, partition))
            parameters = (_limit("views", USUAL_VIEWS, MOST_VIEWS), _CONTINUATION)
            return Operation(function, summary, {200: page}, parameters, (MALFORMED,))
        case None:
            raise LookupError(f"read model {read_model.name} has no query")


def plain(
    function: str,
    summary: str,
    answer: Any,
    *,
    parameters: tuple[Parameter, ...] = (),
    headers: tuple[str, ...] = (),
    errors: tuple[Exception, ...] = (),
) -> Operation:
    """Returns the operation of a function that answers with JSON of the type `answer`."""
    shown = Answer(summary, lambda schemas: schemas.of(answer), headers)
    return Operation(function, summary, {200: shown}, parameters, errors)


def text(function: str, summary: str, media_type: str, *headers: str) -> Operation:
    """Returns the operation of a function that answers with a text which changes with the build alone."""
    whole = Answer(summary, lambda _: {}, ("ETag", "Cache-Control", *headers), media_type)
    unchanged = Answer("The client has this one.", headers=("ETag", "Cache-Control", *headers))
    return Operation(function, summary, {200: whole, 304: unchanged}, (_IF_NONE_MATCH,))


def _view(schemas: "Schemas", query: StreamQuery[Any]) -> "Schema":
    shown, always = schemas.properties(query.projection.view_class)
    computed = get_type_hints(query.computed)["return"]
    more = {} if not is_typeddict(computed) else schemas.properties(computed)[0]
    more["version"] = schemas.of(int)
    return schemas.component(query.projection.view_class.__name__, {**shown, **more}, [*always, *more])


def _page(schemas: "Schemas", query: PageQuery[Any]) -> "Schema":
    view = query.projection.view_class
    properties = {query.items: schemas.of(tuple[view, ...]), "continuation": schemas.of(str)}  # type: ignore[valid-type]
    return schemas.component(f"PageOf{view.__name__}", properties, [query.items])


def _events(schemas: "Schemas", function: str, aggregates: Iterable[Aggregate[Any, Any, Any]]) -> "Schema":
    """Describes a page of events. Each has its stream where there are several."""
    shown, always = schemas.properties(ShownEvent)
    stream = {"stream": schemas.of(str)}
    by_type = {
        name: schemas.component(
            f"{name}Event",
            {**shown, "type": {"type": "string", "const": name}, "data": schemas.of(event), **stream},
            always,
        )
        for each in aggregates
        for name, event in each.event_classes.items()
    }
    items = {"type": "array", "items": schemas.one_of("type", by_type)}
    name = "".join(part.capitalize() for part in function.removeprefix("get_").split("_"))
    return schemas.component(name, {**stream, "events": items, "continuation": schemas.of(str)}, ["events"])


def _whole(pattern: str) -> Mapping[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _limit(what: str, usual: int, most: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter("limit", "query", schema, f"How many {what} a page has at most.")


_VERSION: Final = {"type": "integer", "minimum": 0, "maximum": 9_999_999_999}

_MIN_VERSION: Final = Parameter(
    "minVersion", "query", _VERSION,
    "The answer shows this version of the stream or a later one: with the one that a command has answered, a client "
    "reads its own write.",
)  # fmt: skip
_AT_VERSION: Final = Parameter(
    "atVersion", "query", {**_VERSION, "minimum": 1}, "The answer is as it was at this version. Excludes the others."
)
_AS_OF: Final = Parameter(
    "asOf", "query", {"type": "string", "format": "date-time", "examples": ["2026-11-23T12:00:00Z"]},
    "The answer is as it was at this time, a date-time with its zone. Excludes the others.",
)  # fmt: skip
_CONTINUATION: Final = Parameter(
    "continuation", "query", {"type": "string"},
    "The place of the next page, as the page before has answered it; the other parameters stay the same.",
)  # fmt: skip
_ALL: Final = Parameter(
    "all", "query", {"type": "boolean", "default": False},
    "With true, the events of the streams beside it too, all of them by time, each with its stream.",
)  # fmt: skip
_IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key", "header", _whole(IDEMPOTENCY_KEY.pattern),
    "A command that is sent again with its key takes effect once, and gets its first answer again.",
)  # fmt: skip
_IF_MATCH: Final = Parameter(
    "If-Match", "header", {**_whole(rf"\*|{STRONG_ETAG.pattern}"), "examples": ['"3"']},
    "The command is refused unless the stream is at this version, an ETag; `*` stands for any.",
)  # fmt: skip
_IF_NONE_MATCH: Final = Parameter(
    "If-None-Match", "header", {"type": "string", "examples": ['"3"']},
    "ETags that the client has: the answer is a 304 without a body if the present one is among them.",
)  # fmt: skip
_PREFER: Final = Parameter(
    "Prefer", "header", {"type": "string", "examples": ["respond-async"]},
    "With `respond-async`, the command is accepted and carried out later. Other preferences are ignored.",
)  # fmt: skip
_TRACEPARENT: Final = Parameter(
    "traceparent", "header", {"type": "string"}, "The trace that the command belongs to (W3C Trace Context)."
)

MALFORMED: Final = BadRequest("What is wrong is said here.")
"""Stands for what a function answers that reads a body, an id or a parameter."""

_BEHIND: Final = PreconditionFailed(expected=3, actual=2)
_ERRORS_OF_COMMANDS: Final = (
    MALFORMED,
    LengthRequired(),
    BodyTooLarge(2 * MAX_BODY_BYTES, MAX_BODY_BYTES),
    _BEHIND,
    CommandIdReused(),
    StreamFull("…"),
)
ASKED_BY_ID: Final = (MALFORMED, UnknownStream("…"))
"""What a function may answer that is asked for one thing by its id."""

ERRORS_OF_ALL: Final = (RuntimeError(), Unavailable(""))
"""What any handler may answer, of each kind one."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Describes an interface as a whole: its title, and in `description` what its routes have in common, as CommonMark.

    `parts` are the classes of its handlers. `shown_as` has the pydantic model of each class that clients see in another
    form than that at rest.
    """

    title: str
    description: str
    parts: tuple[type, ...]
    shown_as: "Mapping[type, type[BaseModel]]" = field(default_factory=dict)
