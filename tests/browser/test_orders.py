"""Orders are found, and one of them tells what happened to it and what it was."""

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser import canned
from tests.browser.service import CannedVisit, problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

ORDER = f"#order/{canned.ORDER_ID}"


async def search(visit: CannedVisit, text: str) -> Page:
    await visit.page.goto(f"{visit.service.page}#orders")
    await visit.page.get_by_role("searchbox").fill(text)
    await visit.page.get_by_role("button", name="Find").click()
    return visit.page


async def test_orders_of_a_customer_are_found_and_one_is_opened(visit: CannedVisit) -> None:
    page = await search(visit, " ada ")
    await expect(page.locator("#found")).to_have_text("3 orders")
    assert {"q": "ada"} == visit.service.asked[0].query
    await page.get_by_role("link", name=canned.ORDER_ID).click()
    await expect(page.get_by_role("heading", level=2)).to_have_text(f"Order {canned.ORDER_ID}")
    await expect(page.get_by_role("heading", level=2)).to_be_focused()
    await page.go_back()
    await expect(page.locator("#found")).to_have_text("3 orders")


async def test_the_only_order_of_an_id_is_opened_at_once(visit: CannedVisit) -> None:
    visit.service.answers["search"] = lambda query: canned.found(query["q"], by="order")
    page = await search(visit, canned.ORDER_ID)
    await expect(page.locator("#story > li")).to_have_count(11)
    assert page.url.endswith(ORDER)


async def test_more_are_found_page_by_page(visit: CannedVisit) -> None:
    visit.service.answers["search"] = lambda query: (
        canned.found("b") if "continuation" in query else canned.found("a", "a2", continuation="next")
    )
    page = await search(visit, "ada")
    await expect(page.locator("#found")).to_have_text("2 orders, and there are more")
    await page.get_by_role("button", name="More").click()
    await expect(page.locator("#found-orders tbody tr")).to_have_count(3)
    assert {"q": "ada", "continuation": "next"} == visit.service.asked[-1].query
    await expect(page.get_by_role("button", name="More")).to_be_hidden()


async def test_nothing_is_found(visit: CannedVisit) -> None:
    visit.service.answers["search"] = lambda _: canned.found()
    page = await search(visit, "nobody")
    await expect(page.locator("#found")).to_contain_text("Nothing has this id.")


async def test_the_story_of_an_order_with_its_causes(visit: CannedVisit) -> None:
    page = await visit.to(ORDER)
    rows = page.locator("#story > li")
    assert [each["type"] for each in canned.order()["events"]] == await rows.locator(".what strong").all_inner_texts()
    reserved = rows.nth(2)
    facts = (await reserved.locator("dl").inner_text()).split("\n")
    assert ["because of", "FulfilmentStarted", "function", "handle_command", "cost", "8.29 RU"] == facts[:6]
    await expect(reserved).to_contain_text("00000000000000000000000000000003")
    await expect(reserved.locator("time")).to_have_text("15:06:00.262")
    await expect(rows.first).to_contain_text("a command of a client")
    # The conversation is that of its cause, and is said there.
    await expect(rows.first).to_contain_text("correlationc0ffee00")
    await expect(reserved).not_to_contain_text("correlation")
    await expect(page.locator("#order-facts")).to_contain_text("11 events since 26 Nov 2026, 15:06, within 9.40 s")
    await reserved.get_by_role("button", name="FulfilmentStarted").click()
    await expect(rows.nth(1)).to_be_focused()


async def test_what_an_event_says_is_shown_when_it_is_asked_for(visit: CannedVisit) -> None:
    page = await visit.to(ORDER)
    shipped = page.locator("#story > li").nth(8)
    await expect(shipped.locator("pre")).to_be_hidden()
    await shipped.get_by_text("What it says").click()
    await expect(shipped.locator("pre")).to_contain_text('"trackingNumber": "T-1"')


async def test_the_order_as_it_was_at_each_version(visit: CannedVisit) -> None:
    page = await visit.to(ORDER)
    slider = page.get_by_role("slider", name="Version")
    await expect(page.locator("#state")).to_contain_text("shipped")
    await expect(slider).to_have_attribute("aria-valuetext", "3 of 3, after OrderShipped")
    await slider.focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#version-text")).to_have_text("1 of 3, after OrderPlaced")
    await expect(page.locator("#state")).to_contain_text("placed")
    await expect(page.locator("#state")).to_contain_text("€25.00")
    await page.keyboard.press("End")
    await expect(page.locator("#state")).to_contain_text("DHL")
    # What is past does not change: the newest version was not asked for again.
    assert 1 == sum(each.what == "state" and each.query["version"] == "3" for each in visit.service.asked)


async def test_what_happens_meanwhile_appears_and_what_is_open_stays_open(visit: CannedVisit) -> None:
    whole = canned.order()
    told = 5
    visit.service.answers["order"] = lambda _: {**whole, "events": whole["events"][:told]}
    await visit.page.clock.install()
    page = await visit.to(ORDER)
    await expect(page.locator("#story > li")).to_have_count(5)
    await page.locator("#story > li").first.get_by_text("What it says").click()
    told = 11
    await page.clock.run_for(5000)
    await expect(page.locator("#story > li")).to_have_count(11)
    await expect(page.locator("#story > li").first.locator("pre")).to_be_visible()
    # Whoever looked at the newest version goes on to do so.
    await expect(page.locator("#version-text")).to_have_text("3 of 3, after OrderShipped")


@pytest.mark.parametrize("status", [400, 404])
async def test_an_order_that_there_is_not_is_not_asked_for_again(visit: CannedVisit, status: int) -> None:
    page = visit.page
    visit.service.answers["order"] = lambda _: problem(status, "Unknown order", "There is no such order.")
    await page.clock.install()
    await page.goto(f"{visit.service.page}#order/nobody")
    await expect(page.locator("#trouble-title")).to_have_text("Unknown order")
    await expect(page.locator("#trouble-detail")).to_have_text("There is no such order.")
    await expect(page.locator("#try-now")).to_be_hidden()
    await expect(page.locator("#past")).to_be_hidden()
    await page.clock.run_for(120_000)
    assert 1 == visit.service.count("order")
    visit.service.answers["order"] = lambda query: canned.order(query["id"])
    await page.reload()
    await expect(page.locator("#story > li")).to_have_count(11)


async def test_a_host_that_does_not_know_the_route_yet_is_asked_again(visit: CannedVisit) -> None:
    page = visit.page
    visit.service.answers["order"] = lambda _: web.Response(status=404)
    await page.clock.install()
    await page.goto(f"{visit.service.page}{ORDER}")
    await expect(page.locator("#trouble")).to_contain_text("The page asks again in")
    visit.service.answers["order"] = lambda query: canned.order(query["id"])
    await page.get_by_role("button", name="Try now").click()
    await expect(page.locator("#story > li")).to_have_count(11)


@pytest.mark.parametrize("order_id", ["a/b?c#d", "100%", "日本", "a b"])
async def test_an_id_of_any_kind_is_in_the_address(visit: CannedVisit, order_id: str) -> None:
    visit.service.answers["search"] = lambda _: canned.found(order_id, "another")
    page = await search(visit, "ada")
    await page.get_by_role("link", name=order_id, exact=True).click()
    await expect(page.get_by_role("heading", level=2)).to_have_text(f"Order {order_id}")
    await page.reload()
    await expect(page.get_by_role("heading", level=2)).to_have_text(f"Order {order_id}")
    assert {order_id} == {each.query["id"] for each in visit.service.asked if each.what == "order"}
