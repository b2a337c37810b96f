"""The tool: timing, tables, and the page that it writes."""

from pathlib import Path

import pytest

from bench.__main__ import PARTS, parse_arguments
from bench.measure import Timings, percentile
from bench.page import GOALS, PAGE, MarkerMissing, goal_lines, replaced, write
from bench.report import Goal, Table

TABLE = Table("Title", "what was done", ["", "ms"], [["ours", 1.25], ["theirs", 1234.5]], [Goal("speed", 1.3, 1.25)])


def test_a_ratio_is_taken_within_rounds_so_that_noise_hits_both_sides() -> None:
    timings = Timings({"a": [2.0, 20.0, 2.2], "b": [1.0, 10.0, 1.1]})
    assert (2.0, 1.1) == (timings.ratio("a", "b"), timings.median("b"))


def test_a_percentile_is_one_of_the_values() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [50.0, 99.0, 1.0] == [percentile(hundred, share) for share in (50, 99, 1)]
    assert 7.0 == percentile([7.0], 99)


def test_a_goal_says_whether_it_is_met() -> None:
    assert "speed: goal ≤ 1.3, measured 1.25: met" == str(TABLE.goals[0])
    assert "speed: goal ≥ 3, measured 2: missed" == str(Goal("speed", 3, 2, at_least=True))


def test_a_table_becomes_text_and_markdown() -> None:
    assert "  theirs  1,234" in TABLE.to_text()
    assert "| theirs | 1,234 |" in TABLE.to_markdown()


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
