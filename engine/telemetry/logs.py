"""In Azure, each line of the log is a JSON object that says what it is about; on a terminal, it is text."""

import json
import logging
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from engine.telemetry.spans import current

_Facts = Mapping[str, str]
_Chain = tuple["_Chain | None", _Facts]

_about: Final[ContextVar[_Chain | None]] = ContextVar("about", default=None)


def told(error: BaseException) -> str:
    """Says an error in a line: one of the engine by its text, its cause and any other by their types.

    Their texts may hold what a user wrote. Those of the engine do not repeat them.
    """
    kind = type(error)
    if not kind.__module__.startswith("engine."):
        return kind.__name__
    cause = "" if error.__cause__ is None else f" ({type(error.__cause__).__name__})"
    return f"{kind.__name__}: {error}{cause}"


class about:  # noqa: N801 - it reads as a function: `with about(stream=…)`
    """Adds facts to the lines that are logged in the block, such as the stream and the correlation id: ids alone.

    What a line has of its own, such as its message, is not replaced.
    """

    __slots__ = ("_facts", "_token")

    def __init__(self, **facts: str) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        # Merged only when a line is written: mostly, none is.
        self._token = _about.set((_about.get(), self._facts))

    def __exit__(self, *_: object) -> None:
        _about.reset(self._token)


def _facts() -> dict[str, str]:
    merged: dict[str, str] = {}
    chain = _about.get()
    while chain is not None:
        chain, facts = chain
        merged = {**facts, **merged}
    return merged


class WithoutTexts(logging.Filter):
    """Tells an exception by its type and by where it was raised: its text may hold what a user wrote.

    It is taken from the record: a handler that exports it to Azure Monitor sends the exception beside the line.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, place = record.exc_info
            record.raised = {"error": kind.__name__, "raised": "".join(traceback.format_tb(place))}
        record.exc_info = record.exc_text = None
        return True


class JsonLines(logging.Formatter):
    """Formats a line as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if traceparent := current():
            line |= {"trace": traceparent[3:35], "span": traceparent[36:52]}
        line |= getattr(record, "raised", {})
        return json.dumps(line | _facts() | line, ensure_ascii=False, separators=(",", ":"))


def as_json_lines() -> None:
    """Makes the handlers that the worker has set up write JSON lines."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(WithoutTexts())
        handler.setFormatter(JsonLines())
