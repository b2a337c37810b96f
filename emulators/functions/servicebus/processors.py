"""Messages one by one: of sessions, each in its order, and of entities without sessions.

Modelled on the processors of Azure.Messaging.ServiceBus 7.20.
"""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from emulators.functions.console import Console
from emulators.functions.servicebus.client import ServiceBusClient
from emulators.functions.servicebus.dispatch import Dispatcher
from emulators.functions.servicebus.errors import BusError, NoSessionError
from emulators.functions.servicebus.options import ServiceBusOptions
from emulators.functions.servicebus.receiver import Delivery, Receiver
from emulators.functions.servicebus.renewal import Renewal
from emulators.functions.servicebus.trouble import Trouble


@dataclass(frozen=True)
class Work:
    """What a processor works with. `options` holds times that are hurried already."""

    function: str
    entity: str
    sessions: bool
    client: ServiceBusClient
    dispatcher: Dispatcher
    options: ServiceBusOptions
    console: Console

    def trouble(self) -> Trouble:
        return Trouble(self.function, self.entity, self.sessions, self.options.retry, self.console)

    def renewal_failed(self, error: BusError) -> None:
        self.console.line(f"{self.function} cannot renew a lock of '{self.entity}': {error}")


class Processor(Protocol):
    """Drives a function from `start` until `stop`, which lets running invocations end and gives the rest back."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


class _Tasks:
    """Tasks of a processor: owned until they end, and a defect in one is shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._console.crash_of)
        return task

    async def ended(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)


class SessionProcessor:
    """Holds up to `max_concurrent_sessions` sessions and hands on the messages of each in their order."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._trouble = work.trouble()
        self._slots = asyncio.Semaphore(work.options.max_concurrent_sessions)
        self._tasks = _Tasks(work.console)
        self._acceptors: list[asyncio.Task[None]] = []
        self._held: set[Receiver] = set()
        self._stopping = False

    def start(self) -> None:
        # As in the SDK: no more than two accepts per core wait at the broker, however many sessions are allowed.
        count = min(self._work.options.max_concurrent_sessions, 2 * (os.cpu_count() or 1))
        self._acceptors = [self._tasks.start(self._accept()) for _ in range(count)]

    async def stop(self) -> None:
        self._stopping = True
        for acceptor in self._acceptors:
            acceptor.cancel()
        for receiver in self._held:
            receiver.stop()
        await self._tasks.ended()

    async def _accept(self) -> None:
        options = self._work.options
        while True:
            await self._slots.acquire()
            try:
                receiver = await self._work.client.accept_next_session(self._work.entity, options.retry.try_timeout)
            except NoSessionError:
                self._slots.release()
                self._trouble.over()
                continue
            except BusError as error:
                self._slots.release()
                await self._trouble.wait(error)
                continue
            self._trouble.over()
            self._held.add(receiver)
            self._tasks.start(self._process(receiver))

    async def _process(self, receiver: Receiver) -> None:
        renewal = self._renewal(receiver)
        calls = self._work.options.max_calls_per_session
        try:
            receiver.ask(calls + self._work.options.prefetch_count)
            if calls == 1:
                await self._hand_on(receiver, renewal)
            else:
                await asyncio.gather(*(self._hand_on(receiver, renewal) for _ in range(calls)))
        finally:
            if renewal is not None:
                renewal.stop()
            receiver.close()
            self._held.discard(receiver)
            self._slots.release()

    async def _hand_on(self, receiver: Receiver, renewal: Renewal | None) -> None:
        """One message after the other until none comes for a while, the lock is lost, or the host stops."""
        with suppress(BusError):
            while (delivery := await receiver.receive(self._work.options.session_idle)) is not None:
                if renewal is not None:
                    renewal.restart()
                await self._work.dispatcher.one(receiver, delivery, ask=1)

    def _renewal(self, receiver: Receiver) -> Renewal | None:
        longest = self._work.options.max_lock_renewal
        session_id = receiver.session_id
        if longest == 0 or session_id is None:
            return None

        async def renew() -> float:
            receiver.locked_until = await self._work.client.renew_session_lock(receiver.entity, session_id)
            return receiver.locked_until

        return Renewal(renew, receiver.locked_until, longest, self._work.renewal_failed)


class MessageProcessor:
    """Up to `max_concurrent_calls` messages at a time, each on its own."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._tasks = _Tasks(work.console)
        self._receiver: Receiver | None = None
        self._running = 0
        self._stopping = False
        self._loop_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop_task = self._tasks.start(self._receive())

    async def stop(self) -> None:
        self._stopping = True
        receiver = self._receiver
        if receiver is not None:
            await receiver.stop_and_return()
        elif self._loop_task is not None:
            self._loop_task.cancel()
        await self._tasks.ended()
        if receiver is not None:
            receiver.close()

    async def _receive(self) -> None:
        options = self._work.options
        trouble = self._work.trouble()
        while not self._stopping:
            try:
                receiver = await self._work.client.open_receiver(self._work.entity)
                self._receiver = receiver
                trouble.over()
                receiver.ask(options.max_concurrent_calls - self._running + options.prefetch_count)
                while (delivery := await receiver.receive()) is not None:
                    self._running += 1
                    self._tasks.start(self._handle(receiver, delivery))
            except BusError as error:
                self._receiver = None
                await trouble.wait(error)

    async def _handle(self, receiver: Receiver, delivery: Delivery) -> None:
        try:
            with suppress(BusError):
                await self._work.dispatcher.one(receiver, delivery, ask=1)
        finally:
            self._running -= 1
            if self._receiver is not None and self._receiver is not receiver:
                # The link was replaced meanwhile, and this call was not free when the new one asked for messages.
                self._receiver.ask(1)
