"""A `Visit` opens the page, and knows afterwards whether the page has kept its rules."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, expect

# A loaded machine is no finding.
expect.set_options(timeout=20_000)

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 375, "height": 740}

# A status that is no success is an error of the browser's console, whatever the page makes of it.
_EXPECTED: Final = "Failed to load resource: "

_NOTE_VIOLATIONS: Final = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  violations.push(`${violatedDirective} ${blockedURI}`);
});
"""
_STORED: Final = "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length]"


class Served(Protocol):
    """What a page is visited on: where the dashboard is, and which keys must not be seen in an address."""

    @property
    def page(self) -> str: ...

    @property
    def keys(self) -> Collection[str]: ...


S = TypeVar("S", bound=Served)


@dataclass(slots=True)
class Visit(Generic[S]):
    page: Page
    service: S
    said: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    async def to(self, fragment: str) -> Page:
        """Opens a view, and returns once it shows an answer."""
        await self.page.goto(f"{self.service.page}{fragment}")
        await expect(self.page.locator("#freshness")).to_have_text("Up to date")
        return self.page

    async def check(self) -> None:
        """Whatever a test did: no error, no violation of the policy, no other host, nothing stored, no key seen."""
        assert [] == self.said
        assert [] == await self.page.evaluate("window.violations ?? []")
        assert [0, 0, 0] == await self.page.evaluate(_STORED)
        assert [] == await self.page.context.cookies()
        assert [] == [each for each in self.addresses if not each.startswith((self.service.page, "data:"))]
        addresses = [*self.addresses, self.page.url]
        assert not any(key in address for key in self.service.keys for address in addresses)


@asynccontextmanager
async def visiting(
    browser: Browser,
    service: S,
    viewport: ViewportSize = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    **context: Any,
) -> AsyncIterator[Visit[S]]:
    """A reader in Berlin who reads English, for the length of a block, at whose end the page has kept its rules."""
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
