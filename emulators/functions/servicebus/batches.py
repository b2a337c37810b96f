"""Batches: one at a time, as the batch loop of extension 5.17 does it; of one session at a time, with sessions."""

import asyncio

from emulators.functions.servicebus.errors import BusError, LockLostError, NoSessionError
from emulators.functions.servicebus.processors import Work
from emulators.functions.servicebus.receiver import Delivery, Receiver

# So long a batch waits for more after its first message; the SDK's own value.
_WINDOW_S = 0.02


class BatchProcessor:
    """Hands on what waits in the entity, up to `max_batch_size` messages. Their locks are not renewed."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._receiver: Receiver | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._work.console.crash_of)

    async def stop(self) -> None:
        self._stopping = True
        if self._task is None:
            return
        if self._receiver is None:
            # It waits for a session or for the broker.
            self._task.cancel()
        else:
            await self._receiver.stop_and_return()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        trouble = self._work.trouble()
        try:
            while not self._stopping:
                try:
                    if self._receiver is None:
                        self._receiver = await self._open()
                    trouble.over()
                    if not await self._one_batch(self._receiver):
                        self._leave()
                except NoSessionError:
                    trouble.over()
                except LockLostError:
                    self._leave()
                except BusError as error:
                    self._leave()
                    await trouble.wait(error)
        finally:
            self._leave()

    async def _open(self) -> Receiver:
        work = self._work
        if work.sessions:
            return await work.client.accept_next_session(work.entity, work.options.retry.try_timeout)
        return await work.client.open_receiver(work.entity)

    async def _one_batch(self, receiver: Receiver) -> bool:
        """False if nothing came before the session's idle time was over, or the host stops."""
        most = self._work.options.max_batch_size
        receiver.ask(most)
        first = await receiver.receive(self._work.options.session_idle if self._work.sessions else None)
        if first is None:
            return False
        deliveries = [first, *receiver.arrived()]
        if len(deliveries) < most:
            deliveries += await self._what_follows(receiver)
        await self._work.dispatcher.many(receiver, deliveries)
        return True

    async def _what_follows(self, receiver: Receiver) -> list[Delivery]:
        await asyncio.sleep(_WINDOW_S)
        # What came later would sit here with its lock running while the function works on this batch.
        await receiver.drain()
        return receiver.arrived()

    def _leave(self) -> None:
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None
