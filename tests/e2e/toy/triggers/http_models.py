"""The bodies of commands, as clients send them."""

from typing import Annotated

from domain.guest.commands import Arrive, Leave
from pydantic import BaseModel, ConfigDict, Field


class ArrivalBody(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    room: Annotated[int, Field(ge=1, le=99)]

    def to_domain(self, guest: str) -> Arrive:
        return Arrive(guest, self.room)


class DepartureBody(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    def to_domain(self) -> Leave:
        return Leave()
