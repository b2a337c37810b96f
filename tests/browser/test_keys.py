"""The keys: asked for when the service wants them, each for its own right, and kept nowhere."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.service import CannedVisit, problem

pytestmark = pytest.mark.asyncio(loop_scope="package")

READING, RELEASING = "the-key-for-reading", "the-key-for-releasing"


async def give(page: Page, key: str) -> None:
    await page.get_by_label("Key", exact=True).fill(key)
    await page.get_by_role("button", name="Use this key").click()


async def test_a_key_is_asked_for_once_and_shown_with_each_request(visit: CannedVisit) -> None:
    visit.service.reading_key = READING
    page = visit.page
    await page.goto(visit.service.page)
    dialog = page.get_by_role("dialog", name="Key for reading")
    await expect(dialog).to_contain_text("Where it is found: docs/operations.md#the-dashboard.")
    await give(page, "another key")
    await expect(page.get_by_role("alert")).to_have_text("The service did not accept this key.")
    await give(page, READING)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    await page.get_by_role("link", name="Waiting").click()
    await expect(page.locator("#parked > li")).to_have_count(3)
    assert [None, "another key"] == [each.key for each in visit.service.asked[:2]]
    assert {(READING, True)} == {(each.key, each.status in (200, 304)) for each in visit.service.asked[2:]}
    assert "" == await page.locator("#key").input_value()


@pytest.mark.parametrize("shortened", ["the-key-f…", "the-key\u200b", "clé"])
async def test_what_cannot_be_a_key_is_not_tried_and_is_asked_for_again(visit: CannedVisit, shortened: str) -> None:
    visit.service.reading_key = READING
    page = visit.page
    await page.goto(visit.service.page)
    await give(page, shortened)
    await expect(page.get_by_role("alert")).to_contain_text("This cannot be the key")
    await expect(page.locator("#key")).to_be_focused()
    await expect(page.locator("#trouble")).to_be_hidden()
    await give(page, READING)
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    assert [None, READING] == [each.key for each in visit.service.asked[:2]]


async def test_the_field_is_no_place_where_a_browser_keeps_keys(visit: CannedVisit) -> None:
    visit.service.reading_key = READING
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.locator("#key")).to_be_focused()
    told = await page.locator("#key").evaluate("({ type, autocomplete, name }) => [type, autocomplete, name]")
    assert ["password", "off", ""] == told


async def test_without_a_key_nothing_is_shown_and_it_can_be_given_later(visit: CannedVisit) -> None:
    visit.service.reading_key = READING
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#trouble")).to_contain_text("Without a key the service shows nothing.")
    await expect(page.locator("#live-columns")).to_be_hidden()
    await page.get_by_role("button", name="Enter the key").click()
    await give(page, READING)
    await expect(page.locator("#freshness")).to_have_text("Up to date")


async def test_a_reload_forgets_the_key(visit: CannedVisit) -> None:
    visit.service.reading_key = READING
    page = visit.page
    await page.goto(visit.service.page)
    await give(page, READING)
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    await page.reload()
    await expect(page.get_by_role("dialog", name="Key for reading")).to_be_visible()


async def test_the_key_for_releasing_is_asked_for_when_something_is_released(visit: CannedVisit) -> None:
    visit.service.reading_key, visit.service.releasing_key = READING, RELEASING
    page = visit.page
    await page.goto(f"{visit.service.page}#waiting")
    await give(page, READING)
    await page.get_by_role("button", name="Release").first.click()
    await page.get_by_role("dialog", name="Release it?").get_by_role("button", name="Release").click()
    await expect(page.get_by_role("dialog", name="Key for releasing")).to_be_visible()
    await give(page, RELEASING)
    await expect(page.locator("#release-result")).to_contain_text("is released: 2 handled.")
    keys = [(each.what == "release", each.key) for each in visit.service.asked if each.key is not None]
    assert {(False, READING), (True, RELEASING)} == set(keys)
    # No key of the other right has been tried.
    assert [None, RELEASING] == [each.key for each in visit.service.asked if each.what == "release"]


async def test_a_release_without_its_key_leaves_everything_as_it_is(visit: CannedVisit) -> None:
    visit.service.releasing_key = RELEASING
    page = await visit.to("#waiting")
    await page.get_by_role("button", name="Release").first.click()
    await page.get_by_role("dialog", name="Release it?").get_by_role("button", name="Release").click()
    await expect(page.get_by_role("dialog", name="Key for releasing")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#parked > li").first.get_by_role("status")).to_have_text(
        "Without a key nothing is released."
    )


async def test_where_people_sign_in_no_key_is_asked_for(visit: CannedVisit) -> None:
    detail = "Nobody is signed in. Sign in with an account of this organization."
    visit.service.answers["overview"] = lambda _: problem(401, "Not signed in", detail)
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.locator("#trouble")).to_contain_text(detail)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    sign_in = page.get_by_role("link", name="Sign in")
    await expect(sign_in).to_have_attribute(
        "href", re.compile(r"/\.auth/login/aad\?post_login_redirect_uri=%2Fapi%2Fdashboard$")
    )


async def test_a_role_that_is_missing_is_said(visit: CannedVisit) -> None:
    visit.service.answers["overview"] = lambda _: problem(
        403, "Role missing", "This takes the app role Operations.Read."
    )
    page = visit.page
    await page.goto(visit.service.page)
    await expect(page.locator("#trouble")).to_contain_text("This takes the app role Operations.Read.")
    await expect(page.get_by_role("dialog")).to_be_hidden()
