"""Guests: they arrive and leave; and what happened with them."""

from dataclasses import dataclass
from functools import partial

import azure.functions as func

from api.bodies import Body, Room
from domain.guest.aggregate import GUEST
from domain.guest.commands import Arrive, Leave
from engine.commands.handler import CommandResult
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answer, answered
from engine.triggers.http_requests import read_name


class ArrivalBody(Body):
    room: Room

    def to_domain(self, guest: str) -> Arrive:
        return Arrive(guest, self.room)


class DepartureBody(Body):
    def to_domain(self) -> Leave:
        return Leave()


@dataclass(frozen=True, slots=True)
class GuestFunctions:
    http: HttpFunctions

    @answered
    async def arrive(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        asked = self.http.read_command(req, f"/guests/{guest}/arrival", ArrivalBody)
        arriving = asked.to(GUEST.stream_id(guest), asked.body.to_domain(guest))
        return await self.http.carry_out(req, GUEST, arriving, partial(_guest_answer, guest))

    @answered
    async def leave(self, req: func.HttpRequest) -> func.HttpResponse:
        guest = read_name(req, "guest")
        asked = self.http.read_command(req, f"/guests/{guest}/departure", DepartureBody)
        leaving = asked.to(GUEST.stream_id(guest), asked.body.to_domain())
        return await self.http.carry_out(req, GUEST, leaving, partial(_guest_answer, guest))

    @answered
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self.http.events(req, GUEST.stream_id(read_name(req, "guest")))


def _guest_answer(guest: str, result: CommandResult) -> func.HttpResponse:
    body = {"guest": guest, "stream": result.stream_id, "version": result.version}
    return answer(body, version=result.version)
