"""The worker's own services: connected once, and again after a failure."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from composition import services as composed
from composition import wiring
from engine.errors import Unavailable
from engine.imports import OnFirstUse
from tests.settings import NO_BUS


async def test_a_connection_that_fails_is_tried_again_by_the_next_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    @asynccontextmanager
    async def build(_: object) -> AsyncIterator[Any]:
        built.append("tried")
        if len(built) == 1:
            raise Unavailable("away")
        yield "services"

    settings = {"COSMOS": "AccountEndpoint=http://x/;AccountKey=eA==", "COSMOS_DATABASE": "x", "SERVICEBUS": NO_BUS}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(composed, "build", build)
    monkeypatch.setattr(wiring, "_BUILD", OnFirstUse(wiring._build))
    monkeypatch.setattr(wiring, "_connected", [])
    with pytest.raises(Unavailable):
        await wiring.services()
    connected: list[object] = [await wiring.services(), await wiring.services()]
    assert ["services", "services"] == connected
    assert ["tried", "tried"] == built
