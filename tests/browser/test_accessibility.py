"""Whoever does not see, does not point, or has a small screen can use the page: axe, the keyboard, 375 pixels."""

from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser import canned
from tests.browser.service import CannedService, CannedVisit, problem
from tests.browser.visits import PHONE, visiting

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def live(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.get_by_text("Both charts as a table").click()


async def empty(visit: CannedVisit) -> None:
    visit.service.answers["overview"] = lambda _: canned.overview(busy=False)
    await visit.to("#live")


async def failing(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    visit.service.answers["overview"] = lambda _: problem(503, "Cosmos DB is away", "It has not answered.")
    await expect(page.locator("#trouble")).to_be_visible()


async def found(visit: CannedVisit) -> None:
    await visit.page.goto(f"{visit.service.page}#orders")
    await visit.page.get_by_role("searchbox").fill("ada")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.locator("#found")).to_have_text("3 orders")


async def order(visit: CannedVisit) -> None:
    page = await visit.to(f"#order/{canned.ORDER_ID}")
    await page.get_by_text("What it says").first.click()
    await expect(page.locator("#state")).to_contain_text("DHL")


async def waiting(visit: CannedVisit) -> None:
    page = await visit.to("#waiting")
    await page.get_by_text("Show what it says").first.click()
    await expect(page.locator("#parked details pre").first).to_be_visible()


async def key(visit: CannedVisit) -> None:
    visit.service.reading_key = "secret"
    await visit.page.goto(visit.service.page)
    await expect(visit.page.get_by_role("dialog")).to_be_visible()


async def releasing(visit: CannedVisit) -> None:
    page = await visit.to("#waiting")
    await page.get_by_role("button", name="Release").first.click()


STATES: Final[tuple[Callable[[CannedVisit], Awaitable[None]], ...]] = (
    live, empty, failing, found, order, waiting, key, releasing,
)  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_axe_finds_nothing_on_a_light_screen_or_a_dark_phone(
    browser: Browser, service: CannedService, state: Callable[[CannedVisit], Awaitable[None]]
) -> None:
    async with visiting(browser, service, reduced_motion="reduce") as visit:
        await state(visit)
        assert [] == await obstacles(visit.page)
        await visit.page.set_viewport_size(PHONE)
        await visit.page.emulate_media(color_scheme="dark")
        assert [] == await obstacles(visit.page)


async def obstacles(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds: the rule, and the elements that break it."""
    found = await Axe().run(page)
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found.response["violations"]]


@pytest.mark.parametrize("width", [320, 375])
async def test_nothing_is_wider_than_a_phone(browser: Browser, service: CannedService, width: int) -> None:
    async with visiting(browser, service, {"width": width, "height": 740}) as visit:
        for state in (live, empty, found, order, waiting):
            service.answers.update(CannedService().answers)
            await state(visit)
            assert width == await visit.page.evaluate("document.documentElement.scrollWidth"), state.__name__


async def focused(page: Page) -> str:
    """What a reader would say of the element that has the focus."""
    told = await page.evaluate(
        "(({ ariaLabel, labels, innerText }) => [ariaLabel, labels?.[0]?.innerText, innerText])(document.activeElement)"
    )
    return str(next(filter(None, told), "")).split("\n")[0].strip()


async def test_by_keyboard_alone_from_the_top_to_the_end(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    walked = []
    for _ in range(9):
        await page.keyboard.press("Tab")
        walked.append(await focused(page))
    assert [
        *("Skip to the content", "Live", "Find an order", "Waiting 5", "Last hour", "Currency"),
        *("Both charts as a table", "Table of consumers"),
    ] == walked[:8]


async def test_the_content_is_reached_without_the_views(visit: CannedVisit) -> None:
    page = await visit.to("#waiting")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    assert page.url.endswith("#waiting")
    await page.keyboard.press("Tab")
    assert "Show what it says" == await focused(page)


async def test_a_period_is_chosen_by_arrow(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    await page.get_by_label("Last hour").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#orders-heading")).to_have_text("Orders per hour")


async def test_the_focus_stays_in_a_dialog(visit: CannedVisit) -> None:
    visit.service.reading_key = "secret"
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.get_by_label("Key", exact=True)).to_be_focused()
    for _ in range(8):
        await page.keyboard.press("Tab")
        # Where it is not in the dialog, it is in the browser's own frame.
        assert await page.evaluate("document.activeElement.closest('dialog') !== null || !document.hasFocus() "
                                   "|| document.activeElement === document.body")  # fmt: skip


async def test_each_view_is_a_landmark_with_its_heading_and_its_title(visit: CannedVisit) -> None:
    page = await visit.to("#live")
    for link in ("Find an order", "Waiting", "Live"):
        await page.get_by_role("link", name=link).click()
        await expect(page).to_have_title(f"{link} · Orders")
        await expect(page.get_by_role("link", name=link)).to_have_attribute("aria-current", "page")
        assert 1 == await page.get_by_role("heading", level=2).count()
    assert [1, 1, 1] == [await page.get_by_role(role).count() for role in ("banner", "navigation", "main")]


async def test_what_changes_every_second_is_not_read_out(visit: CannedVisit) -> None:
    """Of the live regions, only those for what has happened have said something."""
    page = await visit.to("#live")
    await visit.service.until("overview", 3)
    said = await page.locator("[aria-live], [role=status], [role=alert]").all_inner_texts()
    assert {""} == set(said)
