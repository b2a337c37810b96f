"""Names that somebody chose to break a page with: markup, another direction, no end."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import canned
from tests.browser.service import Answer, CannedService, CannedVisit, Query
from tests.browser.visits import PHONE, visiting

pytestmark = pytest.mark.asyncio(loop_scope="package")

MARKUP: Final = "<img src=x onerror=alert(1)><script>alert(2)</script>&lt;b&gt;"
HEBREW: Final = "\u202eשלום\u202e (12)"
LONG: Final = "W" * 10_000
NAMES: Final = {"markup": MARKUP, "another direction": HEBREW, "10,000 characters": LONG}
# The texts of the page in which the name stands without an element that keeps its direction inside.
_NOT_ISOLATED: Final = """(name) => {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (data.includes(name) && !parentElement.closest("bdi, pre[dir=auto]")) found.push(data);
  }
  return found;
}"""
VIEWS: Final = ("#live", "#orders", f"#order/{canned.ORDER_ID}", "#waiting")


def everywhere(name: str) -> Mapping[str, Any]:
    """Answers in which everything that somebody may name has this name."""
    overview, waiting, order = canned.overview(), canned.waiting(), canned.order(canned.ORDER_ID, name)
    consumers = [{**each, "consumer": f"{place}{name}"} for place, each in enumerate(overview["consumers"])]
    letters = [{"entity": name, "count": 2}]
    told, named = dict.fromkeys(("reason", "error", "type"), name), dict.fromkeys(("name", "consumer"), name[:1000])
    events = [
        {**each, "type": name, "function": name, "actor": name, "data": {name: name}, "correlationId": name}
        for each in order["events"]
    ]
    return {
        "overview": {**overview, "consumers": consumers, "deadLetters": letters, "status": name},
        "waiting": {
            "parked": [{**each, **told, **named} for each in waiting["parked"][:1]],
            "deadLetters": letters,
            "more": True,
        },
        "order": {**order, "events": events},
        "state": {**canned.state(3, name, name), name: name},
        "search": canned.found(name, "other", customer=name, by=name),
        "payload": {**named, "payload": {name: [name]}},
    }


def _always(answer: Answer, _: Query) -> Answer:
    return answer


async def visited(visit: CannedVisit, view: str, name: str) -> Page:
    for what, answer in everywhere(name).items():
        visit.service.answers[what] = partial(_always, answer)
    page = visit.page
    await page.goto(f"{visit.service.page}{view}")
    if view == "#orders":
        await page.get_by_role("searchbox").fill("ada")
        await page.keyboard.press("Enter")
        await expect(page.locator("#found-orders tbody tr")).to_have_count(2)
    elif view == "#waiting":
        await page.get_by_text("Show what it says").first.click()
        await expect(page.locator("#parked details pre")).to_be_visible()
    elif view.startswith("#order/"):
        await page.get_by_text("What it says").first.click()
        await expect(page.locator("#state dl").first).to_be_visible()
    else:
        await expect(page.locator("#freshness")).to_have_text("Up to date")
    return page


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_a_name_is_text_and_keeps_its_place(browser: Browser, service: CannedService, name: str) -> None:
    async with visiting(browser, service, PHONE) as visit:
        for view in VIEWS:
            page = await visited(visit, view, name)
            assert [] == await page.evaluate(_NOT_ISOLATED, name), view
            assert "ltr" == await page.evaluate("getComputedStyle(document.body).direction"), view
            assert [0, 0] == [await page.locator(f"main {tag}").count() for tag in ("img", "script")], view
            assert name in (await page.locator("main > section:not([hidden])").text_content() or ""), view
            assert PHONE["width"] == await page.evaluate("document.documentElement.scrollWidth"), view
            tallest = "Math.max(0, ...[...document.querySelectorAll('.given')].map((each) => each.offsetHeight))"
            assert 120 > await page.evaluate(tallest), view
