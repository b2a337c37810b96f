"""How functions of tests behave, and what happens to their connections."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from emulators.functions.servicebus.client import ServiceBusClient
from emulators.tests.functions.servicebus.world import Seen, World


def failing(*bodies: str, times: int | None = None) -> Callable[[Seen], None]:
    """Fail on some bodies: always, or so many times each."""
    failed: list[str] = []

    def behave(seen: Seen) -> None:
        if seen.body in bodies and (times is None or failed.count(seen.body) < times):
            failed.append(seen.body)
            raise ValueError("poison")

    return behave


def dawdle(_: Seen) -> None:
    threading.Event().wait(0.005)


class Gate:
    """Holds calls on some bodies, or on all, until it is opened."""

    def __init__(self, *bodies: str) -> None:
        self._bodies = bodies
        self._open = threading.Event()
        self.entered = threading.Event()

    def __call__(self, seen: Seen) -> None:
        if not self._bodies or seen.body in self._bodies:
            self.entered.set()
            assert self._open.wait(20)

    def open(self) -> None:
        self._open.set()


class Renewals:
    """Counts the renewals of all clients."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.count = 0
        renew = getattr(ServiceBusClient, method)

        async def counted(client: ServiceBusClient, *arguments: Any) -> Any:
            renewed = await renew(client, *arguments)
            self.count += 1
            return renewed

        monkeypatch.setattr(ServiceBusClient, method, counted)


async def break_connections(world: World) -> None:
    """Cut every connection to the broker, as a network does."""
    assert world.server is not None
    for connection in list(world.server._connections):
        connection.abort()
    await asyncio.sleep(0)
