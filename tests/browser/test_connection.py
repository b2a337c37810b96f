"""What the page shows is as new as it says: polls, pauses, errors, answers that it does not understand."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser import canned
from tests.browser.service import CannedVisit, Query, problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

_HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def on_a_clock(visit: CannedVisit) -> Page:
    """The live view with its first answer, in which time passes when a test says so and not otherwise."""
    await visit.page.clock.install(time=canned.TO)
    await visit.page.clock.pause_at(canned.TO + timedelta(seconds=1))
    return await visit.to("#live")


def _always(answer: Callable[[], Any], _: Query) -> Any:
    return answer()


def _pauses(failures: int) -> range:
    """The pauses that the page may say, in seconds: each is up to a quarter longer or shorter."""
    pause = min(2**failures, 30)
    return range(math.ceil(0.75 * pause), math.ceil(1.25 * pause) + 1)


async def try_now(page: Page) -> None:
    """Presses the button, which is gone if the page has tried by itself a moment ago."""
    await page.locator("#try-now").dispatch_event("click")


async def test_what_has_not_changed_is_neither_sent_nor_shown_again(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.locator("#consumers tr").first.evaluate("(row) => { row.dataset.mark = 'still here'; }")
    await visit.service.until("overview", 3)
    first, *others = visit.service.asked
    assert (200, None) == (first.status, first.etag)
    assert {(304, True)} == {(each.status, each.etag is not None) for each in others}
    await expect(page.locator("#consumers tr").first).to_have_attribute("data-mark", "still here")


async def test_it_asks_every_second(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    # It shows how often it has asked.
    visit.service.answers["overview"] = lambda _: {
        **canned.overview(),
        "open": {"placed": 0, "awaitingPayment": 0, "confirmed": visit.service.count("overview")},
    }
    for number in range(1, 4):
        await page.clock.run_for(999)
        assert number == visit.service.count("overview")
        await page.clock.run_for(1)
        await expect(page.locator("#open dd").last).to_have_text(str(number))


async def test_a_page_that_nobody_sees_does_not_ask_and_catches_up_at_once(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    await page.evaluate(_HIDE, True)
    await page.clock.fast_forward(600_000)
    await page.clock.run_for(1000)
    await expect(page.locator("#freshness")).to_have_text("Stale for 10 min")
    assert 1 == visit.service.count("overview")
    await page.evaluate(_HIDE, False)
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    assert 2 == visit.service.count("overview")


async def test_a_page_that_is_opened_unseen_asks_when_it_is_seen(visit: CannedVisit) -> None:
    page = visit.page
    await page.clock.install()
    await page.add_init_script(f"({_HIDE})(true)")
    await page.goto(visit.service.page)
    await expect(page.locator("#freshness")).to_have_text("Loading")
    await page.clock.run_for(5000)
    assert [] == visit.service.asked
    await page.evaluate(_HIDE, False)
    await expect(page.locator("#freshness")).to_have_text("Up to date")


async def test_what_is_old_is_said_to_be_old_and_by_how_much(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    visit.service.answers["overview"] = lambda _: problem(503, "Cosmos DB is away", "It has not answered.")
    await page.clock.run_for(1000)
    await expect(page.locator("#trouble")).to_be_visible()
    await page.clock.run_for(11_000)
    await expect(page.locator("#freshness")).to_have_text("Stale for 12 s")
    await expect(page.locator("#trouble")).to_contain_text("Cosmos DB is away It has not answered.")
    # What was there stays.
    await expect(page.locator("#orders-readout")).to_have_text("Most at 14:49: 647 placed")


@pytest.mark.parametrize("apart", [timedelta(hours=1), timedelta(hours=-1)])
async def test_clocks_that_are_an_hour_apart_change_nothing(visit: CannedVisit, apart: timedelta) -> None:
    """The clock of the browser is changed under the page, and its data are of another hour in any case."""
    await visit.page.clock.set_system_time(canned.TO + apart)
    page = await visit.to("#live")
    await expect(page.locator("#orders-readout")).to_have_text("Most at 14:49: 647 placed")
    await page.clock.set_system_time(canned.TO - apart)
    await visit.service.until("overview", visit.service.count("overview") + 2)
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    visit.service.answers["overview"] = lambda _: problem(503, "Cosmos DB is away", "It has not answered.")
    await expect(page.locator("#trouble")).to_be_visible()
    await page.clock.set_system_time(canned.TO + apart)
    await expect(page.locator("#freshness")).to_have_text(re.compile(r"^Stale for \d s$"))


async def test_after_errors_it_asks_less_often_and_tells_when(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    visit.service.answers["overview"] = lambda _: problem(500, "Internal error", "The log says more.")
    for failures in range(1, 7):
        # The longest pause: once the page has failed so often, it asks after some 2, 4, 8, 16, 30, 30 seconds.
        await page.clock.run_for(1.25 * min(2 ** (failures - 1), 30) * 1000)
        await visit.service.until("overview", 1 + failures)
        pause = re.compile(rf"asks again in ({'|'.join(map(str, _pauses(failures)))}) s")
        await expect(page.locator("#trouble")).to_contain_text(pause)
    visit.service.answers["overview"] = lambda _: canned.overview()
    await try_now(page)
    await expect(page.locator("#trouble")).to_be_hidden()
    await expect(page.locator("#announcements")).to_have_text("The page is up to date again.")


async def test_it_waits_as_long_as_the_service_asks_for(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    visit.service.answers["overview"] = lambda _: problem(503, "Busy", "Later.", **{"Retry-After": "20"})
    await page.clock.run_for(1000)
    await expect(page.locator("#trouble")).to_contain_text("asks again in 20 s")
    await page.clock.run_for(19_999)
    assert 2 == visit.service.count("overview")
    await page.clock.run_for(1)
    await visit.service.until("overview", 3)


async def test_a_service_that_is_away_and_comes_back(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.route("**/data/**", lambda route: route.abort())
    await expect(page.locator("#trouble")).to_contain_text("The service cannot be reached.")
    await page.unroute_all()
    await expect(page.locator("#trouble")).to_be_hidden()
    await expect(page.locator("#freshness")).to_have_text("Up to date")


async def test_an_error_before_the_first_answer(visit: CannedVisit) -> None:
    visit.service.answers["overview"] = lambda _: problem(500, "Internal error", "The log says more.")
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.locator("#trouble")).to_contain_text("Internal error The log says more.")
    await expect(page.locator("#freshness")).to_have_text("Nothing yet")
    await expect(page.get_by_role("link", name="Sign in")).to_be_hidden()


def _with(**changed: Any) -> Callable[[], Any]:
    return lambda: {**canned.overview(), **changed}


def _sale(**changed: Any) -> Callable[[], Any]:
    return lambda: {**canned.overview(), "sales": [{**canned.overview()["sales"][0], **changed}]}


MISUNDERSTOOD: Final[Sequence[tuple[Callable[[], Any], str]]] = (
    (lambda: web.Response(text="<!doctype html><p>Sign in", content_type="text/html"), "the answer is no object"),
    (lambda: web.Response(text="[]", content_type="application/json"), "the answer.from is no date-time"),
    (lambda: web.Response(text="null", content_type="application/json"), "the answer is no object"),
    (_with(sales=None), "the answer.sales is no list"),
    (_sale(revenue="1e9"), "the answer.sales[0].revenue is no decimal"),
    (_sale(ordersPaid=-1), "the answer.sales[0].ordersPaid is no count"),
    (_sale(revenue=12.5), "the answer.sales[0].revenue is no decimal"),
    (_with(step=0), "the answer.step is no number of seconds"),
    (_with(**{"from": "1970-01-01T00:00:00Z"}), "points"),
    (_with(consumers=[{"consumer": 1}]), "the answer.consumers[0].consumer is no text"),
)


async def test_an_answer_that_is_not_understood_is_not_shown(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    trouble = page.locator("#trouble")
    for answer, where in MISUNDERSTOOD:
        visit.service.answers["overview"] = partial(_always, answer)
        await try_now(page)
        await expect(trouble).to_contain_text("answered something that this page does not understand")
        await expect(trouble).to_contain_text(where)
        await expect(page.locator("#orders-readout")).to_have_text("Most at 14:49: 647 placed")
    visit.service.answers["overview"] = lambda _: canned.overview(to=datetime(2026, 11, 26, 14, 7, tzinfo=UTC))
    await try_now(page)
    await expect(page.locator("#orders-readout")).to_have_text("Most at 14:50: 647 placed")


async def test_what_it_makes_the_service_spend_is_shown(visit: CannedVisit) -> None:
    page = await on_a_clock(visit)
    await page.clock.run_for(1000)
    await visit.service.until("overview", 2)
    await page.evaluate(_HIDE, True)
    await page.clock.run_for(1000)
    await expect(page.locator("#spending")).to_contain_text("This page: 2.5 RU in the last minute, 2.5 RU in all")
    spent = canned.CHARGE * visit.service.count("overview")
    await page.clock.fast_forward(61_000)
    await page.clock.run_for(1000)
    await expect(page.locator("#spending")).to_have_text(f"This page: 0 RU in the last minute, {spent:.1f} RU in all")
