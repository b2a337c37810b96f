"""`make pictures`: the pictures of the dashboard for README.md and docs/operations.md, of a stack of its own."""

import asyncio
import base64
import os
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal

from playwright.async_api import Browser, Page, ViewportSize, expect

from bench.browser import started
from tests.browser import palette
from tests.e2e.stack import ROOT, Client, client_of, running

FOLDER: Final = ROOT / "docs" / "pictures"
LARGEST: Final = 200_000
"""Bytes of a picture."""

_ORDINARY_SECONDS: Final = 100.0
_APART_SECONDS: Final = 1.2
_AGAIN_SECONDS: Final = 1.0
_SALE: Final = ("flash-sale", "--units", "120", "--orders", "600", "--clients", "16")
_WIDE: Final[ViewportSize] = {"width": 1280, "height": 960}
_PHONE: Final[ViewportSize] = {"width": 375, "height": 812}

# Draws the screenshot, and gives its width, its height and its pixels.
_PIXELS: Final = """async (png) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const { data } = canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
  let pixels = "";
  for (let at = 0; at < data.length; at += 8192) pixels += String.fromCharCode(...data.subarray(at, at + 8192));
  return [image.width, image.height, btoa(pixels)];
}"""


async def take(data: Path) -> None:
    """Raises AssertionError when a picture is too large, or the stack has not done what is to be seen."""
    with running(data, instances=1) as stack:
        async with client_of(stack) as client, started() as browser:
            _say("ordinary orders")
            order_id = await _ordinary(client)
            _say("a flash sale")
            await _demo(data, *_SALE)
            await _demo(data, "parked")
            page = f"{stack.api}/dashboard"
            await _picture(browser, "live-light", f"{page}#live", _sold)
            await _picture(browser, "live-dark", f"{page}#live", _sold, scheme="dark")
            await _picture(browser, "live-phone", f"{page}#live", _sold, size=_PHONE, scale=2)
            await _picture(browser, "order", f"{page}#order/{order_id}", _told)
            await _picture(browser, "waiting", f"{page}#waiting", _waits)


async def _ordinary(client: Client) -> str:
    """Some orders, which are paid and mostly shipped; the id of one that is shipped."""
    chance = random.Random(7)
    await client.post("/stock/mug/receipts", {"quantity": 1000}, "stock")
    begun = asyncio.get_running_loop().time()
    ways: list[asyncio.Task[str]] = []
    async with asyncio.TaskGroup() as group:
        while asyncio.get_running_loop().time() < begun + _ORDINARY_SECONDS:
            ways.append(group.create_task(_one(client, len(ways), ships=chance.random() < 0.8)))
            await asyncio.sleep(_APART_SECONDS * 2 * chance.random())
    return ways[0].result()


async def _one(client: Client, number: int, *, ships: bool) -> str:
    line = {"sku": "mug", "quantity": 1 + number % 3, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
    placed = await client.post("/orders", {"customerId": "ada", "lines": [line]}, f"order-{number}")
    order_id = str(placed.body["orderId"])
    path = f"/orders/{order_id}"
    if number % 11 == 10:
        await client.post(f"{path}/cancellation", {"reason": "ordered twice"}, f"cancel-{number}")
        return order_id
    await _accepted(client, f"{path}/payment", {"outcome": "processed", "reference": f"pay-{number}"})
    if ships or number == 0:
        await _accepted(client, f"{path}/shipment", {"carrier": "DHL", "trackingNumber": f"T-{number}"})
    return order_id


async def _accepted(client: Client, path: str, body: dict[str, Any]) -> None:
    """Once the process has come so far."""
    async with asyncio.timeout(120):
        while (await client.post(path, body, path)).status != 200:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(_AGAIN_SECONDS)


async def _demo(data: Path, *arguments: str) -> None:
    """On the stack whose data are there."""
    command = (sys.executable, "-m", "operate", "demo", *arguments)
    environment = {**os.environ, "DEVSTACK_DATA": str(data)}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    assert 0 == await process.wait(), " ".join(command)


async def _sold(page: Page) -> None:
    await expect(page.locator("#orders-readout")).to_contain_text("placed")


async def _told(page: Page) -> None:
    await expect(page.locator("#version-text")).to_contain_text("after OrderShipped")
    await page.get_by_role("slider").press("ArrowLeft")
    await expect(page.locator("#version-text")).to_contain_text("after OrderConfirmed")
    await expect(page.locator("#state:not([aria-busy])")).to_contain_text("confirmed")


async def _waits(page: Page) -> None:
    await expect(page.locator("#parked > li")).to_have_count(2)
    await page.get_by_text("Show what it says").first.click()
    await expect(page.locator("#parked details pre").first).to_be_visible()


async def _picture(
    browser: Browser,
    name: str,
    address: str,
    ready: Callable[[Page], Awaitable[None]],
    *,
    size: ViewportSize = _WIDE,
    scheme: Literal["light", "dark"] = "light",
    scale: int = 1,
) -> None:
    context = await browser.new_context(
        viewport=size, color_scheme=scheme, device_scale_factor=scale, locale="en-GB", reduced_motion="reduce"
    )
    try:
        page = await context.new_page()
        await page.goto(address)
        await expect(page.locator("#freshness")).to_have_text("Up to date")
        await ready(page)
        await page.evaluate("document.activeElement.blur()")
        shot = base64.b64encode(await page.screenshot()).decode()
        width, height, pixels = await page.evaluate(_PIXELS, shot)
    finally:
        await context.close()
    picture = palette.to_png(width, height, base64.b64decode(pixels))
    assert len(picture) < LARGEST, f"{name} has {len(picture):,} bytes"
    (FOLDER / f"{name}.png").write_bytes(picture)
    _say(f"{name}.png, {len(picture):,} bytes")


def _say(message: str) -> None:
    print(f"pictures: {message}", file=sys.stderr, flush=True)


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as data:
        asyncio.run(take(Path(data)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
