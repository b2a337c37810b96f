"""Guests: they arrive and leave; and what happened with them."""

from dataclasses import dataclass
from functools import partial
from typing import TypedDict

import azure.functions as func

from api.bodies import Body, Room
from domain.guest.aggregate import GUEST
from domain.guest.commands import Arrive, Leave
from domain.guest.decisions import GuestIsInAnotherRoom, GuestNotFound
from engine.commands.handler import CommandResult
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answer, answered
from engine.triggers.http_requests import read_name
from engine.triggers.operations import command, described, events


class ArrivalBody(Body):
    room: Room

    def to_domain(self, guest: str) -> Arrive:
        return Arrive(guest, self.room)


class DepartureBody(Body):
    def to_domain(self) -> Leave:
        return Leave()


class GuestAnswer(TypedDict):
    guest: str
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class GuestFunctions:
    http: HttpFunctions

    @answered
    @described(
        command(
            "arrive",
            "A guest arrives",
            ArrivalBody,
            GuestAnswer,
            example={"room": 7},
            refusals=(GuestIsInAnotherRoom(8),),
        )
    )
    async def arrive(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        asked = self.http.read_command(req, f"/guests/{guest}/arrival", ArrivalBody)
        arriving = asked.to(GUEST.stream_id(guest), asked.body.to_domain(guest))
        return await self.http.carry_out(req, GUEST, arriving, partial(_guest_answer, guest))

    @answered
    @described(command("leave", "A guest leaves", DepartureBody, GuestAnswer, example={}, refusals=(GuestNotFound(),)))
    async def leave(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        asked = self.http.read_command(req, f"/guests/{guest}/departure", DepartureBody)
        leaving = asked.to(GUEST.stream_id(guest), asked.body.to_domain())
        return await self.http.carry_out(req, GUEST, leaving, partial(_guest_answer, guest))

    @answered
    @described(events("get_guest_events", "The events of a guest", GUEST))
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self.http.events(req, GUEST.stream_id(read_name(req, "guest")))


def _guest_answer(guest: str, result: CommandResult) -> func.HttpResponse:
    body: GuestAnswer = {"guest": guest, "stream": result.stream_id, "version": result.version}
    return answer(body, version=result.version)
