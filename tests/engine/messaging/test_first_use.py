"""The links to all entities that the relay sends to are opened with the first message, at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import pytest

from engine.imports import imported
from engine.messaging import first_use
from engine.messaging.first_use import BusOnFirstUse
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Message
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, RELAYED
from engine.settings import ServiceBusConnection

MESSAGE = Message("m-1", "guest-1", "GuestLeft", b"{}", "c")


class Links(MemoryBus):
    """Opens for ever, and keeps what it was asked to open."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Iterable[str]] = []
        self.ended = False

    async def open(self, entities: Iterable[str]) -> None:
        self.asked.append(entities)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Links:
    links = Links()

    @asynccontextmanager
    async def connected(_: object) -> AsyncIterator[Links]:
        yield links

    monkeypatch.setattr(first_use, "_CLIENT", imported(lambda: connected))
    return links


async def _sent(bus: BusOnFirstUse, entity: str) -> Sequence[Message]:
    sent = await bus.send(entity, [MESSAGE])
    await asyncio.sleep(0)
    return sent


async def test_the_first_message_opens_all_links_waits_for_none_and_closing_ends_it(links: Links) -> None:
    async with contextlib.AsyncExitStack() as stack:
        bus = BusOnFirstUse(ServiceBusConnection("…"), stack)
        assert [] == await bus.dead_letters(COMMAND_QUEUE, 0, 1)
        await asyncio.sleep(0)
        assert [] == links.asked
        for entity in (EVENT_TOPIC, COMMAND_QUEUE):
            assert [MESSAGE] == await _sent(bus, entity)
        assert [RELAYED] == links.asked
        assert not links.ended
    assert links.ended
