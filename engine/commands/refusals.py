"""A refusal tells a client why its command was understood but not carried out, in the response or as an outcome."""

import re
from dataclasses import dataclass
from typing import Final

from engine.commands.errors import CommandIdReused, PreconditionFailed, UnknownStream
from engine.deciding.decider import DomainError, NotFound
from engine.storing.errors import AppendTooLarge, StreamFull

REFUSED: Final = (DomainError, UnknownStream, StreamFull, PreconditionFailed, AppendTooLarge, CommandIdReused)
"""These errors are refusals."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal is a problem in the sense of RFC 9457: `status` is a 4xx, `type` its kind in kebab-case."""

    status: int
    type: str
    title: str
    detail: str


def refusal_of(error: Exception) -> Refusal | None:
    """Returns the refusal for an error; None if the same command may still succeed, or the service has a defect."""
    match error:
        case NotFound() | UnknownStream():
            return Refusal(404, "not-found", "Not found", str(error))
        case DomainError():
            title = _words(type(error).__name__)
            return Refusal(409, kebab(title), title, str(error))
        case StreamFull():
            return Refusal(409, "stream-full", "Stream full", str(error))
        case PreconditionFailed():
            return Refusal(412, "precondition-failed", "Precondition failed", str(error))
        case AppendTooLarge():
            return Refusal(413, "too-large", "Too large", str(error))
        case CommandIdReused():
            return Refusal(422, "idempotency-key-reused", "Idempotency key reused", str(error))
        case _:
            return None


def kebab(title: str) -> str:
    """Turns the title of a problem into its kind, in kebab-case."""
    return title.lower().replace(" ", "-")


def _words(class_name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).capitalize()
