"""How commands speak, to people and to programs, and how far they are."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from operate.output import print_rows, print_title, visible
from operate.progress import gauges, steps

ROOT = Path(__file__).resolve().parents[2]
LONG = "a reason " * 40
ROWS: list[Mapping[str, Any]] = [
    {"consumer": "commands", "messageId": "m-1", "error": LONG, "released": True},
    {"consumer": "reactions", "messageId": None, "error": "\x1b[31mred\nnext [bold]", "released": False},
]


def on_a_terminal(code: str, columns: int = 80, **variables: str) -> str:
    """What a program shows on a terminal of this width."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "", **variables}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert 0 == process.wait(30), shown
    return shown.decode()


def plain(shown: str) -> str:
    """Returns what is shown without its colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", shown)


class TestRows:
    def test_json_is_an_object_per_line_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_rows(ROWS, as_json=True)
        assert ROWS == [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def test_a_pipe_gets_columns_of_whole_values_without_boxes_and_colours(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        print_rows(ROWS, as_json=False)
        head, first, second = capsys.readouterr().out.splitlines()
        assert ["consumer", "message id", "error", "released"] == re.split(r"\s{2,}", head)
        assert LONG in first
        assert first.endswith("yes")
        assert head.index("error") == first.index("a reason") == second.index("\\x1b")
        assert second.isprintable()
        assert second.endswith("no")

    @pytest.mark.parametrize(("encoding", "shown"), [("ascii", r'{"x": "\u00e9"}'), ("utf-8", '{"x": "é"}')])
    def test_json_is_json_whatever_the_output_can_encode(self, encoding: str, shown: str) -> None:
        code = "from operate.output import print_json; print_json({'x': '\u00e9'}); print_json({'x': '\ud800'})"
        done = subprocess.run(
            [sys.executable, "-c", code.encode("unicode_escape").decode()], cwd=ROOT, capture_output=True, check=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert [shown, r'{"x": "\ud800"}'] == done.stdout.decode(encoding).splitlines()

    def test_nothing_is_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_rows([], as_json=False)
        assert "" == capsys.readouterr().out

    def test_a_terminal_gets_a_table_that_folds_what_is_long_and_takes_no_orders_from_values(self) -> None:
        shown = on_a_terminal(f"from operate.output import print_rows; print_rows({ROWS!r}, as_json=False)")
        assert LONG.count("reason") == shown.count("reason")
        assert "─" in shown
        assert "\x1b[31m" not in shown
        assert "[bold]" in shown
        assert max(len(line) for line in plain(shown).splitlines()) <= 80

    def test_a_terminal_too_narrow_for_a_table_gets_each_row_as_a_list_and_no_name_is_folded(self) -> None:
        rows = [{"name": "n" * 30, "error": LONG, "at": "t" * 30}, {"name": "m" * 30, "error": "short", "at": ""}]
        code = f"from operate.output import print_rows; print_rows({rows!r}, as_json=False)"
        assert ["n" * 30, "m" * 30] == re.findall(r"^name   (\w+)", on_a_terminal(code), re.MULTILINE)
        shown = plain(on_a_terminal(code, columns=120))
        assert re.search(r"^ *name +error +at", shown, re.MULTILINE)
        assert re.search(r"n{30} +a reason", shown)

    def test_where_there_is_no_terminal_rich_is_not_imported(self) -> None:
        code = (
            "import sys; from operate.output import print_rows; from operate.progress import gauges, steps\n"
            f"print_rows({ROWS!r}, as_json=False)\n"
            "with steps('x', 1) as step: step('y')\n"
            "with gauges('x') as tell: tell({'y': (1, 2)})\n"
            "assert 'rich' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)


class TestColours:
    CODE = (
        "import time; from operate.output import print_rows, print_title; from operate.progress import gauges\n"
        "print_title('1. A guest', '(POST /guests)'); print_rows([{'name': 'x'}], as_json=False)\n"
        "with gauges('') as tell:\n"
        "    for count in range(3): tell({'done': (count, 3)}); time.sleep(0.2)\n"
    )

    def test_a_terminal_has_them(self) -> None:
        shown = on_a_terminal(self.CODE)
        assert "\x1b[1m1. A guest\x1b[0m  (POST /guests)" in shown
        assert re.search(r"\x1b\[3\d", shown)

    def test_none_are_there_for_whoever_wants_none(self) -> None:
        shown = on_a_terminal(self.CODE, NO_COLOR="1")
        assert "1. A guest" in shown
        assert "2/3" in shown
        assert not re.search(r"\x1b\[(?:\d+;)*3\d", shown)

    def test_a_terminal_that_cannot_draw_gets_lines(self) -> None:
        shown = on_a_terminal(self.CODE, TERM="dumb")
        assert "1. A guest  (POST /guests)" in shown
        assert "2 of 3 done" in shown
        assert "\x1b" not in shown

    def test_a_pipe_gets_a_title_as_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_title("1. A guest", "(POST /guests)")
        assert "\n1. A guest  (POST /guests)\n" == capsys.readouterr().out


def test_what_others_have_written_is_shown_as_it_is_and_moves_nothing() -> None:
    assert "Größe … 1" == visible("Größe … 1")
    assert r"\x1b[2J\n\r\x07\u202e" == visible("\x1b[2J\n\r\x07\u202e")


class TestProgress:
    def test_off_a_terminal_the_first_and_the_last_step_are_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        with steps("x", 4) as step:
            for number in range(4):
                step(f"m-{number}")
        assert ["1 of 4: m-0", "4 of 4: m-3"] == capsys.readouterr().err.splitlines()

    def test_and_those_that_come_after_a_while(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr("operate.progress.time.monotonic", lambda: now)
        with gauges("") as tell:
            for second in range(12):
                now = 100.0 + second
                tell({"done": (second, 12)})
        told = capsys.readouterr().err.splitlines()
        assert ["  0.0 s  0 of 12 done", "  5.0 s  5 of 12 done", " 10.0 s  10 of 12 done"] == told[:-1]
        assert " 11.0 s  11 of 12 done" == told[-1]

    def test_what_failed_has_said_how_far_it_came(self, capsys: pytest.CaptureFixture[str]) -> None:
        def fails() -> None:
            with steps("x", 4) as step:
                step("m-0")
                step("m-1")
                raise ValueError("x")

        with pytest.raises(ValueError, match="x"):
            fails()
        assert "2 of 4: m-1" == capsys.readouterr().err.splitlines()[-1]

    def test_on_a_terminal_counts_move_several_times_a_second(self) -> None:
        code = (
            "import time; from operate.progress import gauges\n"
            "with gauges('') as tell:\n"
            "    for count in range(10): tell({'done': (count, 10), 'begun': (10, 10)}); time.sleep(0.1)\n"
        )
        shown = on_a_terminal(code)
        assert sum(f"{count}/10" in shown for count in range(10)) >= 4
        assert "begun" in shown

    def test_on_a_terminal_results_stay_on_stdout(self) -> None:
        code = (
            "import sys; from operate.progress import steps\n"
            "with steps('x', 1) as step:\n"
            "    step('y'); assert sys.stdout is sys.__stdout__; print('result')\n"
        )
        assert "result" in on_a_terminal(code)
