"""docs/cost.md has the figures of today: what commands print, and the rates of the tariff, and no others in USD."""

import re
from typing import Final

from bench import cost_page

PAGE: Final = cost_page.PAGE.read_text(encoding="utf-8")
WRITTEN: Final = re.compile(r"(```\n).*?(```\n)|(<!-- (?:turns|rates) -->).*?(<!-- end -->)", re.DOTALL)


def emptied(page: str) -> str:
    """The page without its figures: empty blocks, and tables without the last two columns, or without any row."""
    page = re.sub(r"(<!-- output of .* -->\n```\n)[^`]*", r"\1", page)
    page = re.sub(r"(\| )[\d,]+ \| [\d,]+ \|$", r"\1| |", page, flags=re.MULTILINE)
    return re.sub(r"(<!-- rates -->\n)[^<]*", r"\1", page)


def test_all_figures_are_what_would_be_written_today() -> None:
    empty = emptied(PAGE)
    assert not re.search(r"^together |\[source\]", empty, re.MULTILINE)
    assert cost_page.written(empty) == PAGE, "python -m bench.cost_page writes the page anew"


def test_beside_them_the_page_has_no_figure_in_usd() -> None:
    assert len(WRITTEN.findall(PAGE)) == 5
    assert [] == re.findall(r"[\d.,]+ USD|USD \d|\$\d", WRITTEN.sub("", PAGE))
