"""The server in a process: it listens on loopback, answers, and lets tests look and reach inside."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from emulators.clock import Clock
from emulators.cosmos import control, pipeline
from emulators.cosmos.account import KEY, Account
from emulators.cosmos.answers import Answer, error_answer, header_lines
from emulators.cosmos.budget import Budget
from emulators.cosmos.catalog import Catalog
from emulators.cosmos.errors import CosmosError
from emulators.cosmos.faults import Effect, Fault, Faults
from emulators.cosmos.offers import Offers
from emulators.cosmos.records import RequestLog, RequestRecord
from emulators.cosmos.requests import ACTIVITY_ID, PARTITION_KEY, Request, segments_of
from emulators.cosmos.routes import Handler
from emulators.cosmos.sql.parse import prepare_parser
from emulators.cosmos.store import Store
from emulators.loopback import listen

_log: Final = logging.getLogger("emulators.cosmos")
_SHUTDOWN_SECONDS: Final = 3.0
_LENGTH_OF_CUT_ANSWER: Final = 1000


class CosmosServer:
    """A running server. `requests` is the record of what it was asked, `clock` decides on `_ts` and expiry."""

    def __init__(self, account: Account, port: int) -> None:
        self.account = account
        self.port = port
        self.requests = RequestLog()
        self.faults = Faults(account.seed)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def key(self) -> str:
        return KEY

    @property
    def connection_string(self) -> str:
        return f"AccountEndpoint={self.url}/;AccountKey={KEY};"

    @property
    def clock(self) -> Clock:
        return self.account.clock

    def split(self, database: str, container: str, range_id: str = "0") -> tuple[str, str]:
        """Split a partition of a container; the ids of the two that replace it. Raises 404 and 410."""
        owner = self.account.catalog.container(database, container)
        first, second = self.account.catalog.split(owner, range_id)
        return first.id, second.id

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        data: Path | None = None,
        hurry: float = 1.0,
        lag: int = 0,
        seed: int = 0,
        throughput: float | None = None,
    ) -> AsyncIterator[CosmosServer]:
        """Serve until the block ends. Without `data` everything is in memory.

        `lag`: reads may be answered as of up to so many commits ago; `seed` decides when, and the order of items of
        one commit in the change feed; `throughput` is what a container may spend per second before it answers 429
        (None: without limit); `hurry` divides that second, and so the time that clients are asked to wait.

        Raises PortTakenError and DataFolderError.
        """
        prepare_parser()
        store = Store(data)
        try:
            clock = Clock()
            offers = Offers(store, clock)
            catalog = Catalog(store, clock, offers, lag, seed)
            account = Account(store, clock, catalog, offers, Budget(throughput, hurry), seed)
            sockets = listen(port)
            server = cls(account, sockets[0].getsockname()[1])
            # A query whose client has gone ends, instead of running beside the one that is asked again.
            handling = web.Server(server._handle, access_log=None, handler_cancellation=True)
            runner = web.ServerRunner(handling, shutdown_timeout=_SHUTDOWN_SECONDS)
            await runner.setup()
            try:
                for socket in sockets:
                    await web.SockSite(runner, socket).start()
                yield server
            finally:
                await runner.cleanup()
                await server.faults.close()
        finally:
            store.close()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request = Request(
            incoming.method,
            segments_of(incoming.raw_path),
            incoming.headers,
            await incoming.content.read() if incoming.can_read_body else b"",
            f"{incoming.scheme}://{incoming.host}",
            incoming.headers.get(ACTIVITY_ID) or str(uuid.uuid4()),
        )
        if request.segments[:1] == (control.PREFIX,):
            return await control.answer(self, request)
        try:
            handler = pipeline.prepare(self.account, request)
        except CosmosError as error:
            return self._response(request, error_answer(error, request))
        fault = self.faults.strike(request)
        if fault is None:
            return self._response(request, await self._execute(handler, request))
        return await self._strike(fault, handler, request, incoming)

    async def _strike(
        self, fault: Fault, handler: Handler, request: Request, incoming: web.BaseRequest
    ) -> web.StreamResponse:
        match fault.effect:
            case Effect.REFUSE:
                return self._response(request, error_answer(fault.error(), request))
            case Effect.COMMIT_LATE:
                response = self._response(request, error_answer(fault.error(), request))
                await response.prepare(incoming)
                await response.write_eof()
                self.faults.commit_late(fault.delay, partial(handler, self.account, request))
                return response
            case Effect.LOSE_ANSWER:
                response = self._response(request, await self._execute(handler, request))
                _close(incoming)
                return response
            case Effect.CUT_ANSWER:
                whole = self._response(request, await self._execute(handler, request))
                if whole.status in {204, 304}:  # answers without a body to cut
                    _close(incoming)
                    return whole
                part = web.StreamResponse(status=whole.status, headers=whole.headers)
                part.content_length = _LENGTH_OF_CUT_ANSWER
                await part.prepare(incoming)
                await part.write(b"{")
                _close(incoming)
                return part

    async def _execute(self, handler: Handler, request: Request) -> Answer:
        try:
            answer = await handler(self.account, request)
        except CosmosError as error:
            answer = error_answer(error, request)
        except Exception:  # noqa: BLE001 - the edge of the server
            _log.exception("%s %s failed", request.method, "/".join(request.segments))
            answer = error_answer(CosmosError(500, "devstack failed to answer; see its log."), request)
        self.account.budget.spend(request.container, answer.charge)
        return answer

    def _response(self, request: Request, answer: Answer) -> web.Response:
        self.requests.add(
            RequestRecord(
                request.kind,
                request.container.id if request.container else None,
                request.header(PARTITION_KEY),
                answer.status,
                answer.substatus,
                answer.charge,
                request.operations,
            )
        )
        return web.Response(status=answer.status, body=answer.body, headers=header_lines(answer, request))


def _close(incoming: web.BaseRequest) -> None:
    if incoming.transport is not None:
        incoming.transport.close()
