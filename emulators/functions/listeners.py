"""What drives the functions that no request drives."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import aiohttp
from azure.functions.meta import Datum

from emulators.functions.bindings import BindingError
from emulators.functions.console import Console
from emulators.functions.cosmos_trigger import CosmosTriggerListener, CosmosTriggerOptions
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker, report
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.options import ServiceBusOptions
from emulators.functions.servicebus.trigger import ServiceBusTriggerListener, ServiceBusTriggerOptions
from emulators.functions.timers import TimerListener, TimerOptions


class Listener(Protocol):
    """Drives one function from `start` to `stop`; `stop` lets what is running end."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def warm_up(functions: Iterable[Function], invoker: Invoker, console: Console) -> None:
    """Run the warmup function; the platform does so when it adds an instance, not for the first one."""
    for function in functions:
        if function.trigger.type == "warmupTrigger" and function.problem is None and not function.disabled:
            outcome = await invoker.invoke(function, Call({function.trigger.name: Datum("", "string")}))
            report(console, function.name, outcome, "warm-up")


class Listeners:
    """The listeners of one host: one for every function that a feed, a bus or the clock drives."""

    def __init__(
        self,
        functions: Iterable[Function],
        invoker: Invoker,
        console: Console,
        session: aiohttp.ClientSession,
        *,
        service_bus: ServiceBusOptions,
        buses: ServiceBusClients,
        data_dir: Path,
        hurry: float,
    ) -> None:
        self._functions = [each for each in functions if each.problem is None and not each.disabled]
        self._invoker = invoker
        self._console = console
        self._data_dir = data_dir
        self._hurry = hurry
        self._session = session
        self._service_bus = service_bus
        self._buses = buses
        self._listeners: list[Listener] = []

    async def start(self) -> None:
        """Open all of them, side by side."""
        for function in self._functions:
            try:
                listener = self._listener_of(function)
            except BindingError as error:
                self._console.line(f"The '{function.name}' function is in error: {error}")
                continue
            if listener is not None:
                self._listeners.append(listener)
        await asyncio.gather(*(listener.start() for listener in self._listeners))

    async def stop(self) -> None:
        """Close all of them: running batches end first, leases and locks are released."""
        await asyncio.gather(*(listener.stop() for listener in self._listeners))

    def _listener_of(self, function: Function) -> Listener | None:
        now = datetime.now(UTC)
        if function.trigger.type == "cosmosDBTrigger":
            feed = CosmosTriggerOptions.from_binding(function.trigger, os.environ, self._hurry, now)
            return CosmosTriggerListener(function, feed, self._invoker, self._console, self._session, hurry=self._hurry)
        if function.trigger.type == "serviceBusTrigger":
            bus = ServiceBusTriggerOptions.from_binding(function.trigger, os.environ, self._service_bus)
            client = self._buses.of(bus.namespace)
            return ServiceBusTriggerListener(function, bus, client, self._invoker, self._console, hurry=self._hurry)
        if function.trigger.type == "timerTrigger":
            timer = TimerOptions.from_binding(function.trigger, now)
            return TimerListener(
                function, timer, self._invoker, self._console, data_dir=self._data_dir, hurry=self._hurry
            )
        return None
