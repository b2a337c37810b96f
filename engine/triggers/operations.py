"""An operation says beside a handler of HTTP what it takes and answers; `openapi.py` makes the description of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from engine.commands.errors import CommandIdReused, PreconditionFailed, UnknownStream
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.errors import Unavailable
from engine.projecting.query import MinutesQuery, PageQuery, ReadModel, StreamQuery
from engine.storing.errors import StreamFull
from engine.triggers import bodies, parameters
from engine.triggers.http_answers import AcceptedCommand
from engine.triggers.http_requests import MAX_BODY_BYTES, MOST_EVENTS, MOST_VIEWS, USUAL_EVENTS, USUAL_VIEWS
from engine.triggers.parameters import Parameter
from engine.triggers.problems import BadRequest, BodyTooLarge, LengthRequired
from engine.triggers.schemas import Schema, Schemas

MALFORMED: Final = BadRequest("What is wrong is said here.")
"""Stands for what a function answers that reads a body, an id or a parameter."""

ASKED_BY_ID: Final = (MALFORMED, UnknownStream("…"))
"""What a function may answer that is asked for one thing by its id."""

WITH_A_BODY: Final = (MALFORMED, LengthRequired(), BodyTooLarge(2 * MAX_BODY_BYTES, MAX_BODY_BYTES))
"""What a function may answer that reads a body."""

ERRORS_OF_ALL: Final = (RuntimeError(), Unavailable(""))
"""What any function may answer, of each kind one."""

_BEHIND: Final = PreconditionFailed(expected=3, actual=2)
_ERRORS_OF_COMMANDS: Final = (
    *WITH_A_BODY,
    _BEHIND,
    CommandIdReused(),
    StreamFull("…"),
)

H = TypeVar("H", bound=Callable[..., Any])

Body = Callable[[Schemas], Schema]
"""Describes a body of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are names that `openapi.py` describes. `body` is None for an answer without one.

    `media_type` may be a range of them, such as `text/*`.
    """

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
    model: type[BaseModel] | None = None
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """Describes an interface as a whole: its title, and in `text` what its routes have in common, as CommonMark.

    `parts` are the classes of its handlers. `shown_as` has the pydantic model of each class that clients see in another
    form than that at rest. `examples` is a file of JSON: by function and status, the body of an answer of success.
    """

    title: str
    text: str
    parts: tuple[type, ...]
    shown_as: Mapping[type, type[BaseModel]] = field(default_factory=dict)
    examples: Path | None = None


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
    model: type[BaseModel],
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
    taken = (parameters.IDEMPOTENCY_KEY, parameters.IF_MATCH, parameters.PREFER, parameters.TRACEPARENT)
    return Operation(function, summary, answers, taken, (*_ERRORS_OF_COMMANDS, *refusals), model, example)


def events(function: str, summary: str, *aggregates: Aggregate[Any, Any, Any]) -> Operation:
    """Returns the operation of a function that answers with events of a stream, or of one stream of each aggregate.

    With several aggregates, the parameter `all` asks for the others than the first.
    """
    answer = Answer(
        "A page of events. The last page of a single stream has the version of the stream as its ETag.",
        lambda schemas: bodies.events(schemas, function, aggregates),
        ("ETag",),
    )
    taken = (
        *((parameters.ALL,) if len(aggregates) > 1 else ()),
        parameters.limit("events", USUAL_EVENTS, MOST_EVENTS),
        parameters.CONTINUATION,
        parameters.MIN_VERSION,
    )
    return Operation(function, summary, {200: answer}, taken, (MALFORMED, UnknownStream("…"), _BEHIND))


def query(function: str, summary: str, read_model: ReadModel) -> Operation:
    """Returns the operation of a function that answers from a read model, as its newest generation is asked.

    Raises LookupError if it has no query.
    """
    if not read_model.queries:
        raise LookupError(f"read model {read_model.name} has no query")
    match read_model.queries[-1]:
        case StreamQuery() as stream:
            moments = (parameters.AT_VERSION, parameters.AS_OF) if stream.at_moments else ()
            view = Answer("The view.", lambda schemas: bodies.view(schemas, stream), ("ETag",))
            answers = {200: view, 304: Answer("The client has this version.", headers=("ETag",))}
            errors = (MALFORMED, UnknownStream("…", stream.unknown), _BEHIND)
            return Operation(
                function, summary, answers, (parameters.MIN_VERSION, *moments, parameters.IF_NONE_MATCH), errors
            )
        case PageQuery() as partition:
            page = Answer("A page of views.", lambda schemas: bodies.page(schemas, partition))
            taken = (parameters.limit("views", USUAL_VIEWS, MOST_VIEWS), parameters.CONTINUATION)
            return Operation(function, summary, {200: page}, taken, (MALFORMED,))
        case MinutesQuery() as minutes:
            sums = Answer("The sums.", lambda schemas: bodies.minutes(schemas, minutes), ("ETag",))
            answers = {200: sums, 304: Answer("The client has these.", headers=("ETag",))}
            return Operation(
                function, summary, answers, (parameters.FROM, parameters.TO, parameters.IF_NONE_MATCH), (MALFORMED,)
            )


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


def text(function: str, summary: str, media_type: str, *headers: str, errors: tuple[Exception, ...] = ()) -> Operation:
    """Returns the operation of a function that answers with a text which changes with the build alone."""
    whole = Answer(summary, lambda _: {}, ("ETag", "Cache-Control", *headers), media_type)
    unchanged = Answer("The client has this one.", headers=("ETag", "Cache-Control", *headers))
    return Operation(function, summary, {200: whole, 304: unchanged}, (parameters.IF_NONE_MATCH,), errors)
