"""Lines of the log say what they are about, and nothing that a user wrote."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from engine.consuming import observed
from engine.messaging.port import Received
from engine.messaging.wire import UnreadableMessage
from engine.telemetry.logs import JsonLines, WithoutTexts, about, as_json_lines, told
from engine.telemetry.spans import span
from tests.engine.contexts import TRACE
from tests.engine.telemetry.kept import Kept
from tests.engine.triggers.door import INVITATION, Door, ask

_log = logging.getLogger("engine.test")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.addFilter(WithoutTexts())
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


def test_a_line_is_one_object_with_what_it_is_about(lines: list[dict[str, Any]]) -> None:
    with about(stream="guest-g-1"), about(version="3"):
        _log.warning("two\nlines of %s", "text")
    (line,) = lines
    assert line | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "engine.test",
        "message": "two\nlines of text",
        "stream": "guest-g-1",
        "version": "3",
    }
    with about(stream="guest-g-2"):
        pass
    _log.warning("about nothing")
    assert "stream" not in lines[1]


def test_a_line_names_its_trace(kept: Kept, lines: list[dict[str, Any]]) -> None:
    with span("work", parent=TRACE):
        _log.warning("within")
    assert (lines[0]["trace"], lines[0]["span"]) == (TRACE[3:35], f"{kept.one('work').context.span_id:016x}")


def test_an_exception_is_told_without_its_text(lines: list[dict[str, Any]]) -> None:
    text = "Ada Lovelace, 12 St James's Square"
    try:
        raise ValueError(text)
    except ValueError:
        _log.exception("a request failed")
    assert (lines[0]["error"], "test_logs.py" in lines[0]["raised"]) == ("ValueError", True)
    assert "Ada" not in json.dumps(lines)


async def test_what_a_handler_logs_says_its_request(lines: list[dict[str, Any]]) -> None:
    door = Door()

    async def broken() -> Any:
        raise RuntimeError("a defect")

    object.__setattr__(door.engine, "services", broken)
    assert (await ask(door.invite, INVITATION)).status == 500
    assert (lines[-1]["request"], lines[-1]["error"]) == ("POST /api", "RuntimeError")


def test_what_a_line_is_about_does_not_take_the_place_of_what_it_says(lines: list[dict[str, Any]]) -> None:
    with about(message="of the bus", level="none"):
        _log.warning("what happened")
    assert (lines[0]["message"], lines[0]["level"]) == ("what happened", "warning")


async def test_what_is_logged_of_a_message_says_which_one_it_is(lines: list[dict[str, Any]]) -> None:
    with observed.message("commands", Received("m-1", "guest-g-1", 1, b"")):
        _log.warning("it waits")
    named = {name: lines[0][name] for name in ("message", "messageId", "consumer", "stream")}
    assert named == {"message": "it waits", "messageId": "m-1", "consumer": "commands", "stream": "guest-g-1"}


def test_an_error_is_said_by_its_text_where_that_is_ours() -> None:
    assert told(UnreadableMessage("its body is not JSON")) == "UnreadableMessage: its body is not JSON"
    assert told(KeyError("Ada Lovelace")) == "KeyError"


class Exporting(logging.Handler):
    """As the handler that the worker adds where it exports to Azure Monitor itself: it reads the record."""

    def emit(self, record: logging.LogRecord) -> None:
        self.seen = self.format(record), record.exc_info, record.exc_text


def test_the_handlers_of_the_worker_write_json_and_export_no_text_of_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler = Exporting()
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    as_json_lines()
    try:
        raise ValueError("Ada Lovelace")
    except ValueError:
        _log.exception("a request failed")
    line, *exported = handler.seen
    assert (json.loads(line)["error"], exported) == ("ValueError", [None, None])
