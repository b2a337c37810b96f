"""The REST interface of the toy domain invites and dismisses guests; the rest is what every interface has."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypedDict

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from engine.commands.handler import CommandResult
from engine.services import Services
from engine.storing.converter import Converter
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answer, answered
from engine.triggers.http_requests import NAME_PATTERN, read_name
from engine.triggers.operations import command, described, events
from tests.engine.toy.guest import DismissGuest, GuestHasLeft, GuestNotFound, InviteGuest, Wish
from tests.engine.toy.registry import GUEST, READ_MODELS

_GUESTS: Final = uuid.UUID("5d0c2f0e-8f1c-5a57-9f0b-0c0f3b6f2c11")
"""This is the namespace of guest ids, which are derived from the ids of the commands that invite them."""

_to_json: Final = Converter().encode


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class WishBody(_Body):
    what: str
    count: Annotated[int, Field(ge=1)]


class InvitationBody(_Body):
    house_id: Annotated[str, Field(pattern=NAME_PATTERN)]
    wishes: list[WishBody]

    def to_domain(self, guest_id: str) -> InviteGuest:
        return InviteGuest(guest_id, self.house_id, tuple(Wish(each.what, each.count) for each in self.wishes))


class DismissalBody(_Body):
    reason: str


class GuestAnswer(TypedDict):
    guestId: str
    version: int


INVITATION: Final = {"houseId": "hill", "wishes": [{"what": "a window", "count": 1}]}


@dataclass(frozen=True, slots=True)
class Interface:
    engine: HttpFunctions

    @answered
    @described(command("invite", "Invites a guest", InvitationBody, GuestAnswer, example=INVITATION, status=201))
    async def invite(self, req: func.HttpRequest) -> func.HttpResponse:
        asked = self.engine.read_command(req, "/guests", InvitationBody)
        guest_id = str(uuid.uuid5(_GUESTS, asked.command_id))
        inviting = asked.to(GUEST.stream_id(guest_id), asked.body.to_domain(guest_id))
        invited = partial(_guest_answer, guest_id, 201)
        return await self.engine.carry_out(req, GUEST, inviting, invited, probably_new=True)

    @answered
    @described(
        command(
            "dismiss",
            "Dismisses a guest",
            DismissalBody,
            GuestAnswer,
            example={"reason": "no"},
            refusals=(
                GuestNotFound(),
                GuestHasLeft(),
            ),
        )
    )
    async def dismiss(self, req: func.HttpRequest) -> func.HttpResponse:
        guest_id = read_name(req, "guestId")
        asked = self.engine.read_command(req, f"/guests/{guest_id}/dismissal", DismissalBody)
        dismissing = asked.to(GUEST.stream_id(guest_id), DismissGuest(asked.body.reason))
        return await self.engine.carry_out(req, GUEST, dismissing, partial(_guest_answer, guest_id, 200))

    @answered
    @described(events("get_guest_events", "The events of a guest", GUEST))
    async def events(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self.engine.events(req, GUEST.stream_id(read_name(req, "guestId")))


def _guest_answer(guest_id: str, status: int, result: CommandResult) -> func.HttpResponse:
    return answer({"guestId": guest_id, "version": result.version}, status=status, version=result.version)


def interface(services: Callable[[], Awaitable[Services]], *, trust_easyauth: bool = False) -> Interface:
    return Interface(HttpFunctions(services, READ_MODELS, _to_json, {GUEST.category: "/api/guests/{}"}, trust_easyauth))
