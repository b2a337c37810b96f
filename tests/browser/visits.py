"""A `Visit` opens the page, and knows afterwards whether the page has kept its rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, expect

from tests.browser.service import CannedService

# A loaded machine is no finding.
expect.set_options(timeout=20_000)

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 375, "height": 740}

# A status that is no success is an error of the browser's console, whatever the page makes of it.
_EXPECTED: Final = "Failed to load resource: "

_NOTE_VIOLATIONS: Final = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
_STORED: Final = "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"


@dataclass(slots=True)
class Visit:
    page: Page
    service: CannedService
    said: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    async def to(self, fragment: str) -> Page:
        """Opens a view, and returns once it shows an answer."""
        await self.page.goto(f"{self.service.page}{fragment}")
        await expect(self.page.locator("#freshness")).to_have_text("Up to date")
        return self.page

    async def check(self) -> None:
        """Whatever a test did: no error, no violation of the policy, no other host, nothing stored, no key in an address."""
        assert [] == self.said
        assert [] == await self.page.evaluate("violations")
        assert [0, 0, 0] == await self.page.evaluate(_STORED)
        assert [] == await self.page.context.cookies()
        assert [] == [each for each in self.addresses if not each.startswith((f"{self.service.url}/", "data:"))]
        keys = filter(None, (self.service.reading_key, self.service.releasing_key))
        assert not any(key in address for key in keys for address in [*self.addresses, self.page.url])


@asynccontextmanager
async def visiting(
    browser: Browser,
    service: CannedService,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    **context: Any,
) -> AsyncIterator[Visit]:
    """A reader in Berlin, who reads English, for the length of a block. The page has kept its rules if that ends well."""
    options = {"locale": "en-GB", "timezone_id": "Europe/Berlin", **context}
    opened = await browser.new_context(viewport=viewport, color_scheme=scheme, **options)
    try:
        page = await opened.new_page()
        page.set_default_timeout(20_000)
        await page.add_init_script(_NOTE_VIOLATIONS)
        visit = Visit(page, service)
        page.on("console", lambda message: visit.said.extend(_complaints(message)))
        page.on("pageerror", lambda error: visit.said.append(str(error)))
        page.on("request", lambda request: visit.addresses.append(request.url))
        yield visit
        await visit.check()
    finally:
        await opened.close()


def _complaints(message: ConsoleMessage) -> list[str]:
    told = message.type == "error" and not message.text.startswith(_EXPECTED)
    return [message.text] if told else []
