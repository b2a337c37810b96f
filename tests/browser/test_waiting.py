"""What is parked and dead is shown, and what is parked is released by whoever confirms it."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser import canned
from tests.browser.service import CannedVisit, problem

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def release_first(page: Page) -> None:
    await page.get_by_role("button", name="Release").first.click()
    await page.get_by_role("dialog", name="Release it?").get_by_role("button", name="Release").click()


async def test_what_waits_is_shown_with_its_reason(visit: CannedVisit) -> None:
    page = await visit.to("#waiting")
    first = page.locator("#parked > li").first
    for text in ("order-7c0e", "stream of sales@1", "ValueError: no currency", "line 41", "waiting3", "OrderConfirmed"):
        await expect(first).to_contain_text(text)
    await expect(page.locator("#waiting-facts")).to_contain_text("3 parked.")
    await expect(page.locator("#dead-counts")).to_have_text("commands2")
    await expect(page.locator("#dead-advice")).to_be_visible()


async def test_what_it_says_is_fetched_by_a_click_alone(visit: CannedVisit) -> None:
    page = await visit.to("#waiting")
    assert 0 == visit.service.count("payload")
    first = page.locator("#parked > li").first
    await first.get_by_text("Show what it says").click()
    await expect(first.locator("details pre")).to_contain_text('"quantity": 2')
    asked = [each.query for each in visit.service.asked if each.what == "payload"]
    assert [{"consumer": "sales@1", "name": f"order-{canned.ORDER_ID}"}] == asked


async def test_of_several_that_wait_it_is_said_that_the_first_is_shown(visit: CannedVisit) -> None:
    session = dict(canned.waiting()["parked"][1])
    await visit.page.clock.install()
    visit.service.answers["waiting"] = lambda _: {**canned.waiting(), "parked": [session]}
    page = await visit.to("#waiting")
    await page.get_by_text("Show what it says").click()
    await expect(page.locator("#parked details pre")).to_be_visible()
    await expect(page.get_by_text("The first of 2 that wait:")).to_be_visible()
    session["waiting"] = 3
    await page.clock.run_for(5000)
    await expect(page.get_by_text("The first of 3 that wait:")).to_be_visible()
    session["waiting"] = 1
    await page.clock.run_for(5000)
    await expect(page.get_by_text("The first of")).to_be_hidden()


async def test_what_has_changed_is_shown_and_asked_about(visit: CannedVisit) -> None:
    session = dict(canned.waiting()["parked"][1])
    await visit.page.clock.install()
    visit.service.answers["waiting"] = lambda _: {**canned.waiting(), "parked": [session]}
    page = await visit.to("#waiting")
    await expect(page.locator("#parked > li")).to_be_visible()
    session |= {"waiting": 7, "error": "KeyError: another one", "reason": "It waits for a newer build."}
    await page.clock.run_for(5000)
    await expect(page.locator("#parked > li > .error")).to_have_text("KeyError: another one")
    await expect(page.locator("#parked > li")).to_contain_text("It waits for a newer build.")
    await page.get_by_role("button", name="Release").click()
    await expect(page.get_by_role("dialog", name="Release it?")).to_contain_text("the 7 that wait are handled now")


async def test_text_that_is_no_json_is_shown_as_it_is(visit: CannedVisit) -> None:
    visit.service.answers["payload"] = lambda query: {**query, "text": "{ this is no JSON"}
    page = await visit.to("#waiting")
    await page.locator("#parked > li").last.get_by_text("Show what it says").click()
    await expect(page.locator("#parked > li").last.locator("details pre")).to_have_text("{ this is no JSON")


async def test_a_release_is_confirmed_and_its_result_shown(visit: CannedVisit) -> None:
    left = list(canned.waiting()["parked"])
    visit.service.answers["waiting"] = lambda _: {**canned.waiting(), "parked": left}
    page = await visit.to("#waiting")
    await page.get_by_role("button", name="Release").first.click()
    dialog = page.get_by_role("dialog", name="Release it?")
    await expect(dialog).to_contain_text("the 3 that wait are handled now, in order")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert 0 == visit.service.count("release")
    left.pop(0)
    await dialog.get_by_role("button", name="Release").click()
    await expect(page.locator("#release-result")).to_have_text(f"order-{canned.ORDER_ID} is released: 2 handled.")
    await expect(page.locator("#parked > li")).to_have_count(2)


async def test_the_badge_has_the_number_that_this_view_shows(visit: CannedVisit) -> None:
    left, more = list(canned.waiting()["parked"]), False
    visit.service.answers["waiting"] = lambda _: {**canned.waiting(), "parked": left, "more": more}
    page = await visit.to("#waiting")
    await expect(page.get_by_role("link", name="Waiting 5", exact=True)).to_be_visible()
    left.pop(0)
    await release_first(page)
    await expect(page.get_by_role("link", name="Waiting 4", exact=True)).to_be_visible()
    more = True
    await release_first(page)
    await expect(page.get_by_role("link", name="Waiting 4+", exact=True)).to_be_visible()


async def test_a_release_that_ran_out_of_time_goes_on_when_it_is_asked_for_again(visit: CannedVisit) -> None:
    visit.service.release = lambda body: {**body, "handled": 700, "released": False}
    page = await visit.to("#waiting")
    await release_first(page)
    await expect(page.locator("#release-result")).to_contain_text("is not released yet: 700 handled")


@pytest.mark.parametrize("leave", ["Escape", "Enter"])
async def test_whoever_does_not_confirm_releases_nothing(visit: CannedVisit, leave: str) -> None:
    page = await visit.to("#waiting")
    await page.get_by_role("button", name="Release").first.click()
    await page.keyboard.press(leave)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("button", name="Release").first).to_be_focused()
    assert 0 == visit.service.count("release")


@pytest.mark.parametrize(
    ("status", "title", "detail"),
    [
        (409, "Still failing", "ValueError: no currency"),
        (404, "Not parked", "Nothing is parked under this name."),
        (403, "Role missing", "This takes the app role Operations.Release."),
        (500, "Internal error", "The log says more."),
    ],
)
async def test_a_release_that_fails_says_why(visit: CannedVisit, status: int, title: str, detail: str) -> None:
    visit.service.release = lambda _: problem(status, title, detail)
    page = await visit.to("#waiting")
    await release_first(page)
    first = page.locator("#parked > li").first
    await expect(first.get_by_role("status")).to_have_text(re.compile(f"^{title} {detail}$"))
    await expect(first.get_by_role("button", name="Release")).to_be_enabled()
    await expect(page.locator("#release-result")).to_be_empty()


async def test_a_result_stays_while_the_list_comes_anew(visit: CannedVisit) -> None:
    visit.service.release = lambda _: problem(409, "Still failing", "no currency")
    await visit.page.clock.install()
    page = await visit.to("#waiting")
    await release_first(page)
    await expect(page.locator("#parked > li").first.get_by_role("status")).to_have_text("Still failing no currency")
    asked = visit.service.count("waiting")
    await page.clock.run_for(5000)
    await visit.service.until("waiting", asked + 1)
    await expect(page.locator("#parked > li").first.get_by_role("status")).to_have_text("Still failing no currency")


async def test_nothing_waits(visit: CannedVisit) -> None:
    visit.service.answers["waiting"] = lambda _: canned.waiting(empty=True)
    page = await visit.to("#waiting")
    await expect(page.locator("#waiting-facts")).to_contain_text("Nothing is parked")
    await expect(page.locator("#waiting-count")).to_be_hidden()
    await expect(page.locator("#dead-facts")).to_have_text("No dead letters.")
    await expect(page.locator("#dead-advice")).to_be_hidden()


async def test_a_bus_that_cannot_say(visit: CannedVisit) -> None:
    visit.service.answers["waiting"] = lambda _: {**canned.waiting(empty=True), "deadLetters": None, "more": True}
    page = await visit.to("#waiting")
    await expect(page.locator("#dead-facts")).to_have_text("The bus does not say whether it has dead letters.")
