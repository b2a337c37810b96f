"""Numbers, money and times, as the modules of the page write them."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.browser.service import CannedVisit

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def written(visit: CannedVisit, function: str, *given: tuple[Any, ...]) -> list[str]:
    """What a function of format.js makes of each of these arguments."""
    await visit.page.goto(visit.service.page)
    script = f"""async (given) => {{
      const {{ {function} }} = await import("{visit.service.page}/files/format.js");
      return given.map((each) => {function}(...each));
    }}"""
    made: list[str] = await visit.page.evaluate(script, given)
    return made


async def test_a_sum_is_exact(visit: CannedVisit) -> None:
    sums: Mapping[tuple[str, ...], str] = {
        (): "0",
        ("12.50", "0.5", "3"): "16.00",
        ("0.1", "0.2"): "0.3",
        ("-0.50", "0.25"): "-0.25",
        ("90071992547409931.01", "0.01"): "90071992547409931.02",
    }
    assert [*sums.values()] == await written(visit, "sum", *((list(each),) for each in sums))


async def test_money(visit: CannedVisit) -> None:
    amounts = {
        ("12.50", "EUR"): "€12.50",
        ("1234567", "JPY"): "JP¥1,234,567",
        ("6.030", "KWD"): "KWD\u00a06.030",
        ("90071992547409931.02", "EUR"): "€90,071,992,547,409,931.02",
        ("1", "no currency"): "1 no currency",
    }
    assert [*amounts.values()] == await written(visit, "money", *amounts)


async def test_durations(visit: CannedVisit) -> None:
    lasted = {0: "0 s", 0.268: "0.27 s", 12.4: "12 s", 119: "119 s", 600: "10 min", 7200: "2 h", 259200: "3 days"}
    assert [*lasted.values()] == await written(visit, "duration", *((each,) for each in lasted))
