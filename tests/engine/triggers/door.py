"""The functions of HTTP over a world, asked without a host between."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import azure.functions as func

from engine.services import Services
from engine.triggers.http_answers import answered
from tests.engine.toy.interface import interface
from tests.engine.toy.registry import READ_MODELS
from tests.engine.world import World

INVITATION: dict[str, Any] = {"houseId": "hill", "wishes": [{"what": "a window", "count": 1}]}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: Any


class Door:
    """`feed()` brings the views up to date."""

    def __init__(self, *, trust_easyauth: bool = False) -> None:
        self.world = World()

        async def services() -> Services:
            return self.world.services

        functions = interface(services, trust_easyauth=trust_easyauth)
        self.invite, self.dismiss, self.events = functions.invite, functions.dismiss, functions.events
        self.health, self.get_command = functions.engine.health, functions.engine.get_command
        self.guest = partial(functions.engine.query, "guest-details")
        self.guests_of_house = partial(functions.engine.query, "house-guests")
        self.visits = partial(functions.engine.query, "house-visits")
        self.beds = partial(functions.engine.query, "house-beds")
        self.engine = functions.engine

    @answered
    async def events_of(self, req: func.HttpRequest) -> func.HttpResponse:
        """Those of one stream, or the story of several."""
        streams = req.route_params["streams"].split()
        if len(streams) == 1:
            return await self.engine.events(req, streams[0])
        return await self.engine.story(req, streams[0], streams[1:])

    async def feed(self) -> None:
        for each in READ_MODELS:
            await self.world.services.feeding.run(each, self.world.store.commits().items)

    async def invited(self, key: str = "k-1") -> str:
        """The id of a new guest."""
        answered = await ask(self.invite, INVITATION, headers={"Idempotency-Key": key})
        assert answered.status == 201
        return str(answered.body["guestId"])


async def ask(
    function: Callable[[func.HttpRequest], Awaitable[func.HttpResponse]],
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    **route: str,
) -> Answered:
    """`body` is sent as JSON, or as it is when it is bytes."""
    request = func.HttpRequest(
        "GET" if body is None else "POST",
        "http://localhost/api",
        headers=dict(headers or {}),
        params=dict(params or {}),
        route_params=route,
        body=body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode(),
    )
    response = await function(request)
    text = response.get_body()
    return Answered(response.status_code, response.headers, json.loads(text) if text else None)
