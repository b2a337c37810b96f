"""The tables of docs/performance.md: replaced between their markers, while the prose around them stays."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bench.cloud import ROOT
from bench.report import Table

PAGE: Final = ROOT / "docs" / "performance.md"


class MarkerMissing(Exception):
    """The page has no place for a part."""


def write(facts: Mapping[str, str], measured: Mapping[str, Sequence[Table]]) -> None:
    """Raises MarkerMissing."""
    text = PAGE.read_text(encoding="utf-8")
    for name, tables in measured.items():
        text = replaced(text, name, "\n\n".join(table.to_markdown() for table in tables) + "\n\n" + _source(facts))
    PAGE.write_text(text, encoding="utf-8")


def replaced(text: str, name: str, content: str) -> str:
    """The page with `content` between `<!-- bench NAME -->` and `<!-- end -->`. Raises MarkerMissing."""
    between = re.compile(rf"(?<=<!-- bench {re.escape(name)} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    if not between.search(text):
        raise MarkerMissing(f"docs/performance.md has no place for {name}")
    return between.sub(lambda _: f"\n{content}\n\n", text, count=1)


def _source(facts: Mapping[str, str]) -> str:
    """A line below the tables of each part: parts may be measured on different days."""
    return (
        f"<sub>{facts['date']}, {facts['cpu']}, {facts['cores']} cores, {facts['system']}, {facts['python']}, "
        f"load before {facts['load before']}; `{facts['command']}`</sub>"
    )
