"""The files of the page under their policy, and canned answers to what it asks: a page without a service."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from tests.browser import canned

PAGE: Final = Path(__file__).resolve().parents[2] / "api" / "dashboard" / "page"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}

Query = Mapping[str, str]
Answer = Mapping[str, Any] | web.Response


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the page sent for data or a release."""

    what: str
    query: Query
    key: str | None
    etag: str | None
    status: int


@dataclass(slots=True)
class CannedService:
    """`answers` are functions of the query, by `what`; a response stands for an error. Keys that are None are not asked for."""

    url: str = ""
    reading_key: str | None = None
    releasing_key: str | None = None
    answers: dict[str, Callable[[Query], Answer]] = field(default_factory=dict)
    release: Callable[[Mapping[str, str]], Answer] = lambda body: {**body, "handled": 2, "released": True}
    asked: list[Asked] = field(default_factory=list)
    charge: float = 1.25

    @property
    def page(self) -> str:
        return f"{self.url}/api/dashboard"

    def count(self, what: str, status: int | None = None) -> int:
        return sum(each.what == what and status in (None, each.status) for each in self.asked)

    async def data(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        answer: Answer = web.Response(status=401)
        if self.reading_key in (None, request.headers.get("x-functions-key")):
            answer = self.answers[what](request.query)
        if not isinstance(answer, web.Response):
            answer = self._changing(request, answer)
        answer.headers["x-request-charge"] = f"{self.charge:.2f}"
        return self._noted(request, what, answer)

    async def releases(self, request: web.Request) -> web.Response:
        if self.releasing_key not in (None, request.headers.get("x-functions-key")):
            return self._noted(request, "release", web.Response(status=401))
        answer = self.release(await request.json())
        answer = answer if isinstance(answer, web.Response) else web.json_response(answer)
        return self._noted(request, "release", answer)

    def _changing(self, request: web.Request, body: Mapping[str, Any]) -> web.Response:
        text = json.dumps(body)
        etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type="application/json", headers=headers)

    def _noted(self, request: web.Request, what: str, answer: web.Response) -> web.Response:
        key, etag = (request.headers.get(name) for name in ("x-functions-key", "If-None-Match"))
        self.asked.append(Asked(what, dict(request.query), key, etag, answer.status))
        return answer


def problem(status: int, title: str, detail: str = "", **headers: str) -> web.Response:
    text = json.dumps({"type": "urn:problem", "title": title, "detail": detail, "status": status})
    return web.Response(status=status, text=text, content_type="application/problem+json", headers=headers)


def shop() -> dict[str, Callable[[Query], Answer]]:
    """A service with orders, and with something of everything that waits."""
    return {
        "overview": lambda query: canned.overview(window=query["window"]),
        "order": lambda query: canned.order(query["id"]),
        "state": lambda query: canned.state(int(query["version"]), query["id"]),
        "search": lambda _: canned.found(canned.ORDER_ID, "second", "third"),
        "waiting": lambda _: canned.waiting(),
        "payload": lambda query: {**query, "payload": {"orderId": canned.ORDER_ID, "quantity": 2}},
    }


@asynccontextmanager
async def serving(service: CannedService) -> AsyncIterator[CannedService]:
    async def file(request: web.Request) -> web.Response:
        path = PAGE / request.match_info.get("file", "index.html")
        if path.suffix not in _TYPES or not path.is_file():
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8", headers=headers)

    application = web.Application()
    application.router.add_get("/api/dashboard", file)
    application.router.add_get("/api/dashboard/files/{file}", file)
    application.router.add_get("/api/dashboard/data/{what}", service.data)
    application.router.add_post("/api/dashboard/releases", service.releases)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield service
    finally:
        await runner.cleanup()
