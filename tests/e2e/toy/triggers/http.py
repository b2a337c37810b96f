"""The REST interface: one method per function of HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import azure.functions as func
from projections.views.guest_book import GUEST_BOOK

from application.commands import CommandHandler
from application.queries import Queries
from domain.aggregates import GUEST
from triggers.http_answers import answer, answered, view_answer
from triggers.http_json import to_json
from triggers.http_models import ArrivalBody, DepartureBody
from triggers.http_requests import read_command, read_name, read_version


class Services(Protocol):
    """What the functions of HTTP need of the composition."""

    @property
    def commands(self) -> CommandHandler: ...

    @property
    def queries(self) -> Queries: ...


@dataclass(frozen=True, slots=True)
class HttpFunctions:
    services: Callable[[], Awaitable[Services]]
    trust_easyauth: bool

    @answered
    async def arrive(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        body, context = read_command(req, f"/guests/{guest}/arrival", ArrivalBody, trust_easyauth=self.trust_easyauth)
        commands = (await self.services()).commands
        done = await commands.handle(GUEST, GUEST.stream_id(guest), body.to_domain(guest), context)
        return answer({"guest": guest, "version": done.version}, version=done.version)

    @answered
    async def leave(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        route = f"/guests/{guest}/departure"
        body, context = read_command(req, route, DepartureBody, trust_easyauth=self.trust_easyauth)
        commands = (await self.services()).commands
        done = await commands.handle(GUEST, GUEST.stream_id(guest), body.to_domain(), context)
        return answer({"guest": guest, "version": done.version}, version=done.version)

    @answered
    async def get_guest(self, req: func.HttpRequest) -> func.HttpResponse:
        stream_id = GUEST.stream_id(read_name(req, "guest"))
        queries = (await self.services()).queries
        seen = await queries.view(GUEST_BOOK, stream_id, read_version(req, "minVersion"))
        return view_answer(req, seen.version, to_json(seen.view))
