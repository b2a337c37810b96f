"""The tables of docs/performance.md: replaced between their markers, while the prose around them stays."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bench.cloud import ROOT
from emulators.bench.report import Table, shown

PAGE: Final = ROOT / "docs" / "performance.md"
GOALS: Final = "goals"
_FEW: Final = 4
_HEAD: Final = ("| goal | | measured | |", "|---|---|---:|---|")


class MarkerMissing(Exception):
    """The page has no place for a part."""


def write(facts: Mapping[str, str], measured: Mapping[str, Sequence[Table]]) -> None:
    """Replaces the tables of these parts, and their lines in the summary of goals. Raises MarkerMissing."""
    text = PAGE.read_text(encoding="utf-8")
    for name, tables in measured.items():
        text = replaced(text, name, "\n\n".join([*(table.to_markdown() for table in tables), _source(facts)]))
    goals = {**goal_lines(_between(text, GOALS)), **_goals(measured)}
    text = replaced(text, GOALS, "\n".join([*_HEAD, *goals.values()]) + "\n\nEach as its part was last measured.")
    PAGE.write_text(text, encoding="utf-8")


def goal_lines(summary: str) -> dict[str, str]:
    """The lines of the summary by the goal that they are about."""
    lines = [line for line in summary.splitlines() if line.startswith("| ") and line not in _HEAD]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


def replaced(text: str, name: str, content: str) -> str:
    """The page with `content` between `<!-- bench NAME -->` and `<!-- end -->`. Raises MarkerMissing."""
    old = _between(text, name)
    marker = f"<!-- bench {name} -->\n"
    return text.replace(f"{marker}{old}<!-- end -->", f"{marker}\n{content}\n\n<!-- end -->", 1)


def _between(text: str, name: str) -> str:
    found = re.search(rf"<!-- bench {re.escape(name)} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    if found is None:
        raise MarkerMissing(f"docs/performance.md has no place for {name}")
    return found[1]


def _goals(measured: Mapping[str, Sequence[Table]]) -> dict[str, str]:
    """A line per goal; a table with many of them is one line."""
    lines: dict[str, str] = {}
    for table in (table for tables in measured.values() for table in tables if table.goals):
        met = sum(goal.met for goal in table.goals)
        if len(table.goals) > _FEW:
            verdict = "met" if met == len(table.goals) else "**missed**"
            lines[table.title] = f"| {table.title} | all {len(table.goals)} | {met} | {verdict} |"
            continue
        for goal in table.goals:
            verdict = "met" if goal.met else "**missed**"
            lines[goal.what] = f"| {goal.what} | {goal.limit} | {shown(goal.measured)} | {verdict} |"
    return lines


def _source(facts: Mapping[str, str]) -> str:
    """A line below the tables of each part: parts may be measured on different days."""
    return (
        f"<sub>{facts['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['system']}, {facts['python']}, "
        f"load before {facts['load before']}; `{facts['command']}`</sub>"
    )
