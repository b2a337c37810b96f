"""The worker's own services: connected once, and again after a failure."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from composition import services as composed
from composition import wiring
from engine.errors import Unavailable
from engine.imports import OnFirstUse, imported
from tests.settings import NO_BUS

Build = Callable[[object], AbstractAsyncContextManager[Any]]


def fresh(monkeypatch: pytest.MonkeyPatch, build: Build) -> None:
    """The wiring as in a new process, which connects by `build`."""
    settings = {"COSMOS": "AccountEndpoint=http://x/;AccountKey=eA==", "COSMOS_DATABASE": "x", "SERVICEBUS": NO_BUS}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(composed, "build", build)
    monkeypatch.setattr(wiring, "_BUILD", imported(wiring._build))
    monkeypatch.setattr(wiring, "_SERVICES", OnFirstUse(wiring._connected))
    monkeypatch.setattr(wiring, "_kept", [])


async def test_the_services_connect_while_a_part_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting = threading.Event()

    @asynccontextmanager
    async def build(_: object) -> AsyncIterator[Any]:
        connecting.set()
        yield "services"

    fresh(monkeypatch, build)
    # The import waits in its thread for what happens on the loop: it would never end if one came after the other.
    assert await wiring.part(lambda: connecting.wait(timeout=10))


async def test_all_that_wait_share_an_attempt_to_connect_and_the_next_invocation_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[str] = []
    silent = asyncio.Event()

    @asynccontextmanager
    async def build(_: object) -> AsyncIterator[Any]:
        built.append("tried")
        if len(built) == 1:
            await silent.wait()
            raise Unavailable("away")
        yield "services"

    fresh(monkeypatch, build)
    waiting = [asyncio.create_task(wiring.services()) for _ in range(20)]
    await asyncio.wait(waiting, timeout=0.01)
    silent.set()
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert ["away"] * 20 == [str(each) for each in failures]
    connected: list[object] = [await wiring.services(), await wiring.services()]
    assert ["services", "services"] == connected
    assert ["tried", "tried"] == built
