"""A link that sends messages to one queue or topic, and knows when the broker has them."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable

from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Disposition,
    Flow,
    Rejected,
    Source,
    Target,
    Transfer,
)
from emulators.functions.servicebus.connection import Session
from emulators.functions.servicebus.errors import BusError, BusUnavailableError, error_of

_HANDLE = 0


class Sender:
    """Sends to one entity. `timeout` bounds every exchange, in seconds."""

    def __init__(self, session: Session, entity: str, timeout: float) -> None:
        self._session = session
        self._entity = entity
        self._timeout = timeout
        self._credit = 0
        self._sent = 0
        self._error: BusError | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        session.on_disposition = self._confirmed

    @property
    def live(self) -> bool:
        """Whether messages can be sent."""
        return self._error is None and self._session.live

    async def open(self) -> None:
        """Attach to the entity, and wait until a message may be sent. Raises BusError."""
        attach = Attach(
            str(uuid.uuid4()),
            _HANDLE,
            role=False,
            source=Source(address=self._entity),
            target=Target(address=f"/{self._entity}"),
            initial_delivery_count=0,
        )
        self._session.attach(self, attach)
        await self._in_time(self._room(), "give credit")

    async def send(self, message: bytes) -> None:
        """Send one message and wait until the broker has it. Raises BusError if it refuses, or is gone."""
        await self._in_time(self._room(), "give credit")
        self._credit -= 1
        number, self._sent = self._sent, self._sent + 1
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconfirmed[number] = confirmed
        self._session.send_transfer(Transfer(_HANDLE, number, number.to_bytes(4, "big"), 0), message)
        await self._in_time(confirmed, "confirm a message")

    def close(self) -> None:
        """Leave the link."""
        self._session.end()
        if self._error is None:
            self.lost(BusUnavailableError(f"the sender to {self._entity} is closed"))

    async def _room(self) -> None:
        while self._credit <= 0:
            if self._error is not None:
                raise self._error
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        if self._error is not None:
            raise self._error

    async def _in_time(self, answer: "asyncio.Future[None] | object", what: str) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await answer  # type: ignore[misc]
        except TimeoutError as error:
            raise BusUnavailableError(f"the broker did not {what} in {self._timeout:g} s") from error

    # What the AMQP session calls.

    def attached(self, attach: Attach) -> None:
        """The reason of a refusal follows with the detach."""

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        """Nothing comes this way."""

    def flowed(self, flow: Flow) -> None:
        self._credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self._sent
        self._wake(lambda waiter: waiter.set_result(None))

    def lost(self, error: Exception) -> None:
        lost = self._error = error if isinstance(error, BusError) else BusUnavailableError(str(error))
        self._wake(lambda waiter: waiter.set_exception(lost))
        for confirmed in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(lost)
        self._unconfirmed.clear()

    def _wake(self, end: Callable[[asyncio.Future[None]], None]) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                end(waiter)

    def _confirmed(self, disposition: Disposition) -> None:
        last = disposition.first if disposition.last is None else disposition.last
        for number in range(disposition.first, last + 1):
            confirmed = self._unconfirmed.pop(number, None)
            if confirmed is None or confirmed.done():
                continue
            if isinstance(disposition.state, Accepted):
                confirmed.set_result(None)
            else:
                error = disposition.state.error if isinstance(disposition.state, Rejected) else None
                confirmed.set_exception(error_of(error, "the broker did not take the message"))
