"""The live view: what sells, what is open, how it flows, how the consumers are."""

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import canned
from tests.browser.service import CannedService, CannedVisit, Query
from tests.browser.visits import visiting

pytestmark = pytest.mark.asyncio(loop_scope="package")

_COLUMNS_OF_BARS = """
(canvas) => {
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--placed-bar").trim();
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  const columns = new Array(width).fill(0);
  for (let place = 0; place < data.length; place += 4) {
    if (data[place] === red && data[place + 1] === green && data[place + 2] === blue) columns[(place / 4) % width] += 1;
  }
  return columns;
}
"""


_TWO_FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


def figures(page: Page, label: str) -> Any:
    return page.locator("#totals > div", has=page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd")


async def test_sales_of_an_hour_in_the_currency_with_the_most_orders(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    overview = canned.overview()
    placed = sum(each["ordersPlaced"] for each in overview["sales"] if each["currency"] == "EUR")
    revenue = sum(float(each["revenue"]) for each in overview["sales"] if each["currency"] == "EUR")
    await expect(figures(page, "Placed")).to_have_text(f"{placed:,}")
    await expect(figures(page, "Revenue")).to_have_text(f"€{revenue:,.2f}")
    await expect(page.locator("#orders-heading")).to_have_text("Orders per minute")


async def test_another_currency_is_chosen(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.get_by_label("Currency").select_option("JPY")
    revenue = sum(int(each["revenue"]) for each in canned.overview()["sales"] if each["currency"] == "JPY")
    # Yen have no decimals.
    await expect(figures(page, "Revenue")).to_have_text(f"JP¥{revenue:,}")


async def test_a_day_by_the_hour(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.get_by_label("Last day").check()
    await expect(page.locator("#orders-heading")).to_have_text("Orders per hour")
    assert visit.service.asked[-1].query == {"window": "day"}


async def test_a_flash_sale_looks_like_one(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    # It is an hour later in Berlin than in UTC.
    await expect(page.locator("#orders-readout")).to_have_text("Most at 14:49: 647 placed")
    columns = await page.locator("#orders-chart canvas").evaluate(_COLUMNS_OF_BARS)
    ordinary = sorted(each for each in columns if each)[: len(columns) // 10]
    assert max(columns) > 20 * max(ordinary)
    assert 0.6 < columns.index(max(columns)) / len(columns) < 0.8


async def test_what_is_pointed_at_is_read_out_in_both_charts(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    chart = await page.locator("#orders-chart .u-over").bounding_box()
    assert chart is not None
    await page.mouse.move(chart["x"] + 44.5 / 61 * chart["width"], chart["y"] + chart["height"] / 2)
    await expect(page.locator("#orders-readout")).to_have_text(re.compile(r"^14:49: 647 placed, 66 paid, "))
    await expect(page.locator("#revenue-readout")).to_have_text("14:49: €825.00")
    # What comes meanwhile leaves the reader where they point.
    changed = {**canned.overview()["open"], "confirmed": 87}
    visit.service.answers["overview"] = lambda _: {**canned.overview(), "open": changed}
    await expect(page.locator("#open dd").last).to_have_text("87")
    await expect(page.locator("#orders-readout")).to_have_text(re.compile(r"^14:49: 647 placed, 66 paid, "))
    await page.mouse.move(0, 0)
    await expect(page.locator("#orders-readout")).to_have_text(re.compile("^Most at"))


async def test_the_charts_are_told_as_a_table_and_in_words(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.get_by_text("Both charts as a table").click()
    rows = page.locator("#sales-table tbody tr")
    await expect(rows.first.locator("th")).to_have_text("15:05")
    rush = rows.filter(has=page.get_by_text("14:49", exact=True)).locator("td")
    assert ["647", "66", "53", "560", "€825.00"] == await rush.all_inner_texts()
    label = await page.locator("#orders-chart").get_attribute("aria-label")
    assert re.match(r"Orders from 14:05 to 15:05: 1,171 placed, .* Most at 14:49: 647 placed$", label or "")


async def test_the_flow_and_what_is_open(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    flow = canned.overview()["flow"]
    told = await page.locator("#flow dd").all_inner_texts()
    share = f"{flow['paid'] / flow['placed']:.0%}"
    assert [f"{flow['placed']:,}", f"{flow['paid']} {share}"] == told[:2]
    # Of the 41 that are placed, 29 await their payment; what is paid and not confirmed yet is among the others.
    opened = [each.split("\n") for each in await page.locator("#open > div").all_inner_texts()]
    assert [["Being processed", "12"], ["Awaiting payment", "29"], ["Awaiting shipment", "86"]] == opened


async def test_consumers_that_are_behind_or_have_parked_stand_out(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    rows = page.locator("#consumers tbody tr")
    assert ["order-history@1", "214 · 3.40 s", "0"] == (await rows.nth(1).inner_text()).split("\t")
    await expect(rows.nth(5).locator("strong")).to_have_text("expired")
    await expect(rows.nth(6)).to_have_text("commands–2")
    await expect(page.locator("#status")).to_have_text("Degraded")
    await expect(page.locator("#dead-letters")).to_have_text("Dead letters: 2 of commands")
    await expect(page.get_by_role("link", name="Waiting 5")).to_be_visible()


async def test_a_page_that_is_opened_before_anything_happened_says_what_to_do(visit: CannedVisit) -> None:
    visit.service.answers["overview"] = lambda query: canned.overview(window=query["window"], busy=False)
    page = await visit.to("")
    await expect(page.locator("#nothing-yet")).to_contain_text(f"curl {visit.service.url}/api/orders")
    docs = await page.get_by_role("link", name="description of the interface").evaluate("(link) => link.href")
    assert f"{visit.service.url}/api/docs" == docs
    await expect(page.get_by_role("link", name="Waiting", exact=True)).to_be_visible()


async def test_the_hint_goes_when_an_order_comes(visit: CannedVisit) -> None:
    busy = False
    visit.service.answers["overview"] = lambda query: canned.overview(window=query["window"], busy=busy)
    page = await visit.to("#live")
    await expect(page.locator("#nothing-yet")).to_be_visible()
    busy = True
    await expect(page.locator("#nothing-yet")).to_be_hidden()
    await expect(figures(page, "Placed")).to_have_text("1,171")


@pytest.mark.parametrize(("window", "step"), [("hour", timedelta(minutes=1)), ("day", timedelta(hours=1))])
async def test_the_last_point_is_what_happens_now(visit: CannedVisit, window: str, step: timedelta) -> None:
    """A minute goes on for a while; what comes in it is seen at once."""
    more = 0

    def overview(query: Query) -> Any:
        answer = dict(canned.overview(window=query["window"], busy=False))
        at = (canned.TO - step).isoformat().replace("+00:00", "Z")
        now = {"at": at, "currency": "EUR", "ordersPlaced": 1 + more, "ordersPaid": 0, "ordersShipped": 0}
        return {**answer, "sales": [{**now, "ordersCancelled": 0, "revenue": "0.00"}]}

    visit.service.answers["overview"] = overview
    page = await visit.to("#live")
    await page.get_by_label(f"Last {window}").check()
    await expect(figures(page, "Placed")).to_have_text("1")
    more = 41
    await expect(figures(page, "Placed")).to_have_text("42")


async def test_it_moves_with_who_wants_no_motion(browser: Browser, service: CannedService) -> None:
    async with visiting(browser, service, reduced_motion="reduce") as visit:
        page = await visit.to("#live")
        assert 0 == await page.evaluate("document.getAnimations().length")
    async with visiting(browser, service) as visit:
        page = await visit.to("#live")
        assert 0 < await page.evaluate("document.getAnimations().length")


async def test_a_theme_that_changes_redraws_the_charts(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    light = await page.locator("#orders-chart canvas").evaluate(_COLUMNS_OF_BARS)
    await page.emulate_media(color_scheme="dark")
    await page.evaluate(_TWO_FRAMES)
    # As tall as they were, in the colour that they have now.
    dark = await page.locator("#orders-chart canvas").evaluate(_COLUMNS_OF_BARS)
    assert max(light) == pytest.approx(max(dark), abs=2)
