"""The files of the page as the service answers them, and canned answers to what it asks: a page without a store."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import azure.functions as func
from aiohttp import web

from api.dashboard.files import DashboardFiles
from tests.browser import canned
from tests.browser.visits import Visit

_PATIENCE_SECONDS: Final = 20.0

Query = Mapping[str, str]
Answer = Mapping[str, Any] | web.Response


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the page sent for data or a release, and what it was answered."""

    what: str
    query: Query
    key: str | None
    etag: str | None
    status: int


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


CannedVisit: TypeAlias = "Visit[CannedService]"


def _released(body: Mapping[str, str]) -> Answer:
    return {**body, "handled": 2, "released": True}


@dataclass(slots=True)
class CannedService:
    """`answers` are functions of the query, by `what`; a response stands for an error.

    A key that is None is not asked for.
    """

    url: str = ""
    answers: dict[str, Callable[[Query], Answer]] = field(default_factory=shop)
    release: Callable[[Mapping[str, str]], Answer] = _released
    reading_key: str | None = None
    releasing_key: str | None = None
    asked: list[Asked] = field(default_factory=list)
    _asked_again: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def page(self) -> str:
        return f"{self.url}/api/dashboard"

    @property
    def keys(self) -> Collection[str]:
        return [key for key in (self.reading_key, self.releasing_key) if key is not None]

    def count(self, what: str) -> int:
        return sum(each.what == what for each in self.asked)

    async def until(self, what: str, times: int) -> None:
        """Returns once the page has asked so often. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE_SECONDS), self._asked_again:
            await self._asked_again.wait_for(lambda: self.count(what) >= times)

    async def data(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        answer: Answer = web.Response(status=401)
        if self.reading_key in (None, request.headers.get("x-functions-key")):
            answer = self.answers[what](request.query)
        if not isinstance(answer, web.Response):
            answer = _changing(request, answer)
        answer.headers["x-request-charge"] = f"{canned.CHARGE:.2f}"
        return await self._noted(request, what, answer)

    async def releases(self, request: web.Request) -> web.Response:
        answer: Answer = web.Response(status=401)
        if self.releasing_key in (None, request.headers.get("x-functions-key")):
            answer = self.release(await request.json())
        answer = answer if isinstance(answer, web.Response) else web.json_response(answer)
        return await self._noted(request, "release", answer)

    async def _noted(self, request: web.Request, what: str, answer: web.Response) -> web.Response:
        key, etag = (request.headers.get(name) for name in ("x-functions-key", "If-None-Match"))
        async with self._asked_again:
            self.asked.append(Asked(what, dict(request.query), key, etag, answer.status))
            self._asked_again.notify_all()
        return answer


def _changing(request: web.Request, body: Mapping[str, Any]) -> web.Response:
    text = json.dumps(body)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type="application/json", headers=headers)


def problem(status: int, title: str, detail: str = "", **headers: str) -> web.Response:
    text = json.dumps({"type": "urn:problem", "title": title, "detail": detail, "status": status})
    return web.Response(status=status, text=text, content_type="application/problem+json", headers=headers)


@asynccontextmanager
async def serving(service: CannedService) -> AsyncIterator[CannedService]:
    """For the length of a block, with the files and headers of the dashboard's own functions."""
    files = DashboardFiles()

    async def page(request: web.Request) -> web.Response:
        return _sent(await files.page(_received(request)))

    async def file(request: web.Request) -> web.Response:
        return _sent(await files.file(_received(request)))

    application = web.Application()
    application.router.add_get("/api/dashboard", page)
    application.router.add_get("/api/dashboard/files/{file}", file)
    application.router.add_get("/api/dashboard/data/{what}", service.data)
    application.router.add_post("/api/dashboard/releases", service.releases)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield service
    finally:
        await runner.cleanup()


def _received(request: web.Request) -> func.HttpRequest:
    headers, route = dict(request.headers), dict(request.match_info)
    return func.HttpRequest(request.method, str(request.url), headers=headers, route_params=route, body=b"")


def _sent(response: func.HttpResponse) -> web.Response:
    headers = {**response.headers, "Content-Type": f"{response.mimetype}; charset={response.charset}"}
    return web.Response(status=response.status_code, body=response.get_body(), headers=headers)
