"""The tool, and the page that it writes."""

from pathlib import Path

import pytest

from bench.__main__ import PARTS, parse_arguments
from bench.page import GOALS, PAGE, MarkerMissing, goal_lines, replaced, write
from emulators.bench.report import Goal, Table

TABLE = Table("Title", "what was done", ["", "ms"], [["ours", 1.25], ["theirs", 1234.5]], [Goal("speed", 1.3, 1.25)])


def test_the_page_is_replaced_between_the_markers_of_a_part_alone() -> None:
    page = "prose\n<!-- bench a -->\nold\n<!-- end -->\nprose\n<!-- bench b -->\nold\n<!-- end -->\n"
    expected = "prose\n<!-- bench a -->\n\nnew\n\n<!-- end -->\nprose\n<!-- bench b -->\nold\n<!-- end -->\n"
    assert expected == replaced(page, "a", "new")
    with pytest.raises(MarkerMissing):
        replaced(page, "c", "new")


def test_a_goal_that_is_measured_again_takes_the_place_of_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    marks = "".join(f"<!-- bench {name} -->\n\n<!-- end -->\n" for name in (GOALS, "a", "b"))
    page.write_text(marks, encoding="utf-8")
    monkeypatch.setattr("bench.page.PAGE", page)
    facts = dict.fromkeys(("date", "cpu", "cores", "system", "python", "load before", "command"), "x")
    slower = Table("Title", "work", ["", "ms"], [["ours", 2.0]], [Goal("speed", 1.3, 2.0)])
    other = Table("Other", "work", ["", "ms"], [["ours", 2.0]], [Goal("memory", 10, 2.0)])
    write(facts, {"a": [slower], "b": [other]})
    write(facts, {"a": [TABLE]})
    lines = goal_lines(page.read_text(encoding="utf-8").split("<!-- end -->")[0])
    assert {"speed": "| speed | ≤ 1.3 | 1.25 | met |", "memory": "| memory | ≤ 10 | 2 | met |"} == lines


def test_the_page_has_a_place_for_every_part() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (GOALS, *PARTS):
        replaced(text, name, "new")


def test_quick_figures_are_not_for_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--quick", "--write"])
    assert "--write takes figures of a full run" in capsys.readouterr().err


def test_parts_can_be_chosen(tmp_path: Path) -> None:
    parsed = parse_arguments(["--only", "codecs", "folding", "--json", str(tmp_path / "f")])
    assert (["codecs", "folding"], tmp_path / "f") == (parsed.only, parsed.json)
