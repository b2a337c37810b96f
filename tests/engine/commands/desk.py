"""Where commands are taken for one guest and one house, as one process would; and what they are answered."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from engine.assembly import Surroundings
from engine.commands.handler import CommandResult
from engine.testing.times import NOON
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.contexts import context
from tests.engine.toy.guest import DismissGuest, GuestCommand, InviteGuest, SeeOffGuest, WelcomeGuest, Wish
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import GUEST, HOUSE
from tests.engine.world import services_over

GUEST_STREAM: Final = "guest-g-1"
HOUSE_STREAM: Final = "house-hill"

INVITE: Final = InviteGuest("g-1", "hill", (Wish("a window", 1),))
WELCOME: Final = WelcomeGuest()
SEE_OFF: Final = SeeOffGuest("the sea")
DISMISS: Final = DismissGuest("too loud")


def guest_at(version: int, event_type: str) -> CommandResult:
    """What a command is answered that has left the guest there."""
    return CommandResult(GUEST_STREAM, version, event_type)


def house_at(version: int) -> CommandResult:
    """What a command is answered that has left the house there, with more beds."""
    return CommandResult(HOUSE_STREAM, version, "BedsAdded")


@dataclass
class Desk:
    """Over a hostile store, with a clock that stands still. `pauses` are those between attempts, which take no time."""

    store: HostileStore
    now: datetime = NOON
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            await asyncio.sleep(0)

        surroundings = Surroundings(clock=lambda: self.now, sleep=sleep)
        self.handler = services_over(self.store, snapshots=self.store.snapshots, surroundings=surroundings).commands

    async def guest(
        self,
        command: GuestCommand,
        key: str,
        *,
        if_match: int | None = None,
        fingerprint: str = "f",
        probably_new: bool = False,
    ) -> CommandResult:
        asked = context(key, if_match, fingerprint).to(GUEST_STREAM, command)
        return await self.handler.handle(GUEST, asked, probably_new=probably_new)

    async def add_beds(self, count: int, key: str) -> CommandResult:
        """Returns once the snapshot that may be due is written, too."""
        result = await self.handler.handle(HOUSE, context(key).to(HOUSE_STREAM, AddBeds("hill", count)))
        await self.handler._due.idle()
        return result

    def beds_believed(self) -> int:
        """How many beds the house has, as the cache of this process tells."""
        cached = self.handler.cache.get(HOUSE_STREAM)
        assert cached is not None
        beds: int = cached.state.beds
        return beds
