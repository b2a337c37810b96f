"""The tables of docs/performance.md: replaced between their markers, while the prose around them stays."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bench.cloud import ROOT
from bench.report import Table, shown

PAGE: Final = ROOT / "docs" / "performance.md"
GOALS: Final = "goals"
_FEW: Final = 4


class MarkerMissing(Exception):
    """The page has no place for a part."""


def write(facts: Mapping[str, str], measured: Mapping[str, Sequence[Table]], *, whole: bool) -> None:
    """The summary of goals is replaced after a `whole` run alone. Raises MarkerMissing."""
    text = PAGE.read_text(encoding="utf-8")
    for name, tables in measured.items():
        text = replaced(text, name, "\n\n".join([*(table.to_markdown() for table in tables), _source(facts)]))
    if whole:
        text = replaced(text, GOALS, "\n\n".join([_goals(measured), _source(facts)]))
    PAGE.write_text(text, encoding="utf-8")


def replaced(text: str, name: str, content: str) -> str:
    """The page with `content` between `<!-- bench NAME -->` and `<!-- end -->`. Raises MarkerMissing."""
    between = re.compile(rf"(?<=<!-- bench {re.escape(name)} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    if not between.search(text):
        raise MarkerMissing(f"docs/performance.md has no place for {name}")
    return between.sub(lambda _: f"\n{content}\n\n", text, count=1)


def _goals(measured: Mapping[str, Sequence[Table]]) -> str:
    """A line per goal; a table with many of them is one line."""
    lines = ["| goal | | measured | |", "|---|---|---:|---|"]
    for table in (table for tables in measured.values() for table in tables if table.goals):
        met = sum(goal.met for goal in table.goals)
        if len(table.goals) > _FEW:
            verdict = "met" if met == len(table.goals) else "**missed**"
            lines.append(f"| {table.title} | all {len(table.goals)} | {met} | {verdict} |")
            continue
        for goal in table.goals:
            verdict = "met" if goal.met else "**missed**"
            lines.append(f"| {goal.what} | {goal.limit} | {shown(goal.measured)} | {verdict} |")
    return "\n".join(lines)


def _source(facts: Mapping[str, str]) -> str:
    """A line below the tables of each part: parts may be measured on different days."""
    return (
        f"<sub>{facts['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['system']}, {facts['python']}, "
        f"load before {facts['load before']}; `{facts['command']}`</sub>"
    )
