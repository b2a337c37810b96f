"""The dashboard in a browser, over the running service: orders move, what is parked is released, a host may restart."""

import re
import secrets
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser import chromium
from tests.browser.visits import Visit, visiting
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import Client, eventually
from tests.operate.process import operate

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Scene:
    """A service with one host, and a client of it. On this machine it asks for no keys."""

    parts: Parts
    client: Client
    keys: Collection[str] = ()

    @property
    def page(self) -> str:
        return f"{self.parts.api}/dashboard"

    async def operate(self, *arguments: str) -> None:
        known = self.parts.environment
        ended = await operate(*arguments, COSMOS=known["COSMOS"], SERVICEBUS=known["SERVICEBUS"])
        assert 0 == ended.status, ended.err

    async def placed(self, currency: str) -> str:
        """An order of something that is in stock, by its id."""
        sku = f"mug-{secrets.token_hex(4)}"
        await self.client.post(f"/stock/{sku}/receipts", {"quantity": 1}, f"{sku}-received")
        line = {"sku": sku, "quantity": 1, "unitPrice": {"amount": "12.50", "currency": currency}}
        answered = await self.client.post("/orders", {"customerId": "ada", "lines": [line]}, f"{sku}-placed")
        return str(answered.body["orderId"])

    async def paid(self, order_id: str) -> None:
        async def status() -> Any:
            answered = await self.client.get(f"/orders/{order_id}/payment")
            return answered.body["status"] if answered.status == 200 else None

        await eventually("requested", status)
        report = {"outcome": "processed", "reference": f"pay-{order_id}"}
        await self.client.post(f"/orders/{order_id}/payment", report, f"{order_id}-paid")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.started() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    with parts(tmp_path_factory.mktemp("service"), instances=1) as running:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield Scene(running, Client(session, running.api))


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, scene: Scene) -> AsyncIterator[Visit[Scene]]:
    async with visiting(browser, scene) as visit:
        yield visit


async def test_an_order_moves_while_somebody_looks(scene: Scene, visit: Visit[Scene]) -> None:
    page = await visit.to("#live")
    order_id = await scene.placed("EUR")
    figures = page.locator("#totals dd")
    await expect(figures.nth(1)).to_have_text("1")
    await scene.paid(order_id)
    await expect(figures.nth(2)).to_have_text("1")
    await expect(figures.nth(0)).to_have_text("€12.50")
    await expect(page.locator("#open > div", has_text="Awaiting shipment").locator("dd")).to_have_text("1")
    await expect(page.locator("#spending")).to_contain_text(re.compile(r"[1-9][\d.]* RU in the last minute"))
    shipment = {"carrier": "DHL", "trackingNumber": "T-1"}
    await visit.to(f"#order/{order_id}")
    await expect(page.locator("#version-text")).to_have_text("2 of 2, after OrderConfirmed")
    await scene.client.post(f"/orders/{order_id}/shipment", shipment, f"{order_id}-shipped")
    await expect(page.locator("#story .what").filter(has_text="OrderShipped")).to_be_visible()
    await expect(page.locator("#version-text")).to_have_text("3 of 3, after OrderShipped")
    await expect(page.locator("#state")).to_contain_text("T-1")


async def test_an_order_is_found_by_its_customer_and_by_the_conversation(scene: Scene, visit: Visit[Scene]) -> None:
    order_id = await scene.placed("EUR")
    page = visit.page
    await page.goto(f"{scene.page}#orders")
    await page.get_by_role("searchbox").fill("ada")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=order_id).click()
    placed = page.locator("#story > li").first
    await expect(placed).to_contain_text("a command of a client")
    conversation = await placed.locator("dl > div", has_text="correlation").locator("dd").inner_text()
    await page.get_by_role("link", name="Find another order").click()
    await page.get_by_role("searchbox").fill(conversation)
    await page.keyboard.press("Enter")
    await expect(page.locator("#found-orders tbody tr")).to_have_count(1)
    await expect(page.get_by_role("link", name=order_id)).to_be_visible()


async def test_what_is_parked_is_released_by_clicks(scene: Scene, visit: Visit[Scene]) -> None:
    await scene.operate("demo", "parked")
    page = await visit.to("#waiting")
    session = page.locator("#parked > li").filter(has_text="session of commands")
    unreadable = page.locator("#parked > li").filter(has_text="message of commands")
    await expect(session).to_contain_text("PractisedDefect")
    await session.get_by_text("Show what it says").click()
    await expect(session.locator("details")).to_contain_text("ReceiveStock")
    await expect(session.get_by_text("The first of 2 that wait:")).to_be_visible()
    await unreadable.get_by_text("Show what it says").click()
    await expect(unreadable.locator("details")).to_contain_text("{ this is no JSON")
    for parked in (session, unreadable):
        await parked.get_by_role("button", name="Release").click()
        await page.get_by_role("dialog").get_by_role("button", name="Release").click()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        if parked is session:
            await expect(page.locator("#release-result")).to_contain_text("is released: 2 handled.")
            await expect(session).to_have_count(0)
        else:
            # What nobody can read stays parked.
            await expect(unreadable.get_by_role("status")).to_contain_text("Still parked")
    await scene.operate("demo", "parked", "--remove")
    await expect(page.locator("#waiting-facts")).to_contain_text("Nothing is parked")


async def test_a_page_survives_the_restart_of_the_host(scene: Scene, visit: Visit[Scene]) -> None:
    page = await visit.to("#live")
    killed = scene.parts.hosts()
    scene.parts.kill("host")

    async def replaced() -> bool:
        hosts = scene.parts.hosts()
        return bool(hosts) and hosts != killed

    await eventually(True, replaced)
    await scene.placed("NOK")
    await expect(page.locator("#currency option[value=NOK]")).to_be_attached()
    await page.get_by_label("Currency").select_option("NOK")
    await expect(page.locator("#totals dd").nth(1)).to_have_text("1")
    await expect(page.locator("#freshness")).to_have_text("Up to date")
    await expect(page.locator("#trouble")).to_be_hidden()
