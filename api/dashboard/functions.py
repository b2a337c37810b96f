"""The functions of the dashboard that need a right: all of its data is read by one, and released by another."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import azure.functions as func

from api.dashboard.problems import StillParked, StreamUnreadable
from api.dashboard.readers import readers
from api.dashboard.releases import ReleaseAnswer, ReleaseBody, release
from engine.commands.errors import UnknownStream
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.telemetry.charges import counted
from engine.triggers.http_answers import answer, answered, changing_answer
from engine.triggers.http_requests import read_body
from engine.triggers.operations import MALFORMED, WITH_A_BODY, Answer, Operation, described
from engine.triggers.operators import NotSignedIn, Operators, RoleMissing
from engine.triggers.parameters import IF_NONE_MATCH
from engine.triggers.problems import NotFound
from engine.triggers.schemas import Schema, Schemas

READ: Final = "Operations.Read"
RELEASE: Final = "Operations.Release"
"""The app roles of operators."""

_HEADERS: Final = ("ETag", "Cache-Control", "x-request-charge")


_READERS: Final = readers(())
"""Say what there is. Those that read are of one process."""


def _data(schemas: Schemas) -> Schema:
    return {"anyOf": [schemas.of(each.shape) for each in _READERS]}


READING: Final = Operation(
    "read_dashboard",
    "What the dashboard shows; `what` is one of " + ", ".join(f"`{each.what}`" for each in _READERS),
    {200: Answer("The data.", _data, _HEADERS), 304: Answer("The client has these.", headers=_HEADERS)},
    (*{parameter.name: parameter for each in _READERS for parameter in each.parameters}.values(), IF_NONE_MATCH),
    (MALFORMED, UnknownStream("…"), StreamUnreadable("…"), NotSignedIn(), RoleMissing(READ)),
)


RELEASING: Final = Operation(
    "release_parked",
    "Handles what a consumer has parked under a name, in order, and ends its waiting",
    {200: Answer("What was handled, in a minute at most.", lambda schemas: schemas.of(ReleaseAnswer))},
    (),
    (*WITH_A_BODY, NotFound("…"), StillParked("…"), NotSignedIn(), RoleMissing(RELEASE)),
    ReleaseBody,
    {"consumer": "order-details@1", "name": "order-5f0c"},
)


class DashboardFunctions:
    """`services` connects on first use."""

    def __init__(
        self, services: Callable[[], Awaitable[Services]], read_models: Iterable[ReadModel], operators: Operators
    ) -> None:
        self._services = services
        self._operators = operators
        self._readers = {each.what: each for each in readers(read_models)}

    @answered
    @described(READING)
    async def read(self, req: func.HttpRequest) -> func.HttpResponse:
        """Answers with what the route asks for, under its digest, and with what it has cost."""
        self._operators.demand(req, READ)
        reader = self._readers.get(req.route_params.get("what", ""))
        if reader is None:
            *others, last = self._readers
            raise NotFound(f"The dashboard has no such data. Ask for {', '.join(others)} or {last}.")
        services = await self._services()
        with counted() as charge:
            body: Any = await reader.read(services, req)
        response = changing_answer(req, body)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["x-request-charge"] = f"{charge.units:.2f}"
        return response

    @answered
    @described(RELEASING)
    async def release(self, req: func.HttpRequest) -> func.HttpResponse:
        self._operators.demand(req, RELEASE)
        body = read_body(req, ReleaseBody)
        return answer(await release(await self._services(), body, self._operators.name(req)))
