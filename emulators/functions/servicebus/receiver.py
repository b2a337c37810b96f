"""A link that receives messages of one entity, or of one session of it, under peek-lock."""

import asyncio
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Disposition,
    Flow,
    Modified,
    Rejected,
    Released,
    Source,
    Target,
    Transfer,
)
from emulators.amqp.values import Symbol, UInt
from emulators.functions.servicebus.connection import Session
from emulators.functions.servicebus.errors import BusError, BusUnavailableError, error_of

COMPLETE = Accepted()
# An abandoned message comes again with a higher delivery count, a released one as if it had not been delivered.
ABANDON = Modified()
RELEASE = Released()

SESSION_FILTER = Symbol("com.microsoft:session-filter")
_TIMEOUT = Symbol("com.microsoft:timeout")
_RECEIVER_NAME = Symbol("com.microsoft:receiver-name")
_LOCKED_UNTIL = "com.microsoft:locked-until-utc"
_HANDLE = 0
_SETTLE_SECOND = 1
# .NET ticks, of 100 ns, from year 1 to the epoch of Unix.
_EPOCH_TICKS = 621_355_968_000_000_000
# Beyond the time that the broker was given to find a session; after that it is taken for hung.
_GRACE_S = 5.0

Settlement = Accepted | Modified | Released


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came: the lock token is the delivery tag."""

    id: int
    tag: bytes
    payload: bytes

    @property
    def lock_token(self) -> uuid.UUID | None:
        """The token, or None for a delivery without a lock."""
        return uuid.UUID(bytes_le=self.tag) if len(self.tag) == 16 else None


class Receiver:
    """Messages as they come, as many as were asked for. `session_id` and `locked_until` are of its session, if any.

    `locked_until` is in seconds since the epoch, by the broker's clock.
    """

    def __init__(self, session: Session, entity: str, settle_timeout: float) -> None:
        self.entity = entity
        self.name = str(uuid.uuid4())
        self.session_id: str | None = None
        self.locked_until = 0.0
        self._session = session
        self._settle_timeout = settle_timeout
        self._attached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drained: asyncio.Future[None] | None = None
        self._arrived: deque[Delivery] = deque()
        self._waiters: deque[asyncio.Future[Delivery | None]] = deque()
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        self._parts: list[bytes] = []
        self._credit = 0
        self._delivery_count = 0
        self._stopped = False
        self._error: BusError | None = None
        session.on_disposition = self._confirmed

    @property
    def live(self) -> bool:
        """Whether messages can be received and settled."""
        return self._error is None and self._session.live

    async def open(self, timeout: float) -> None:
        """Attach to the entity. Raises BusError."""
        await self._attach(Source(address=_path(self.entity), filter={}), None, timeout)

    async def accept_next_session(self, timeout: float) -> None:
        """Attach to whichever session has messages and is free. Raises NoSessionError after so many seconds.

        Raises another BusError if the broker refuses.
        """
        source = Source(address=_path(self.entity), filter={SESSION_FILTER: None})
        await self._attach(source, timeout, timeout + _GRACE_S)
        if self.session_id is None:
            self.close()
            raise BusUnavailableError(f"the broker attached a session of {self.entity} without naming it")

    async def _attach(self, source: Source, wait_at_broker: float | None, timeout: float) -> None:
        properties: dict[Any, Any] = {_RECEIVER_NAME: self.name}
        if wait_at_broker is not None:
            properties[_TIMEOUT] = UInt(max(1, round(wait_at_broker * 1000)))
        attach = Attach(
            self.name,
            _HANDLE,
            role=True,
            rcv_settle_mode=_SETTLE_SECOND,
            source=source,
            target=Target(),
            properties=properties,
        )
        self._session.attach(self, attach)
        try:
            async with asyncio.timeout(timeout):
                await self._attached
        except TimeoutError as error:
            self.close()
            raise BusUnavailableError(f"the broker did not attach {self.entity} in {timeout:g} s") from error
        except BaseException:
            self.close()
            raise

    def ask(self, count: int) -> None:
        """Let the broker send so many messages more."""
        if self.live and not self._stopped:
            self._credit += count
            self._session.flow(_HANDLE, self._delivery_count, self._credit)

    async def receive(self, timeout: float | None = None) -> Delivery | None:
        """The next message that was asked for, None if none comes in time or `stop` was called.

        Raises BusError once the link is gone.
        """
        if self._stopped:
            return None
        if self._arrived:
            return self._arrived.popleft()
        if self._error is not None:
            raise self._error
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Delivery | None] = loop.create_future()
        self._waiters.append(waiter)
        timer = None if timeout is None else loop.call_later(timeout, _resolve, waiter)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()

    def arrived(self) -> list[Delivery]:
        """What has come and was not taken yet."""
        taken = list(self._arrived)
        self._arrived.clear()
        return taken

    async def drain(self) -> None:
        """Take back what was asked for and has not come; what was under way arrives before this returns.

        Raises BusError if the link is lost meanwhile.
        """
        if self._drained is None or self._drained.done():
            if not self._credit or not self.live:
                return
            self._drained = asyncio.get_running_loop().create_future()
            self._session.flow(_HANDLE, self._delivery_count, self._credit, drain=True)
        await self._in_time(asyncio.shield(self._drained), "drain")

    async def settle(self, delivery: Delivery, settlement: Settlement, *, ask: int = 0) -> None:
        """Tell the broker what became of a message, and wait until it has it.

        `ask` more messages are asked for in the same breath: they come with the confirmation.
        Raises LockLostError if the broker delivers the message again, BusError if it did not answer.
        """
        if self._error is not None:
            raise self._error
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unconfirmed[delivery.id] = confirmed
        self._session.send(Disposition(role=True, first=delivery.id, settled=False, state=settlement))
        if ask:
            self.ask(ask)
        await self._in_time(confirmed, "confirm a settlement")

    def give_back(self, deliveries: list[Delivery]) -> None:
        """Return messages as if they had not been delivered; the broker does not answer."""
        for delivery in deliveries:
            if self.live:
                self._session.send(Disposition(role=True, first=delivery.id, settled=True, state=RELEASE))

    def stop(self) -> None:
        """Receive no more: who waits gets None. What comes from now on goes back when the link closes."""
        self._stopped = True
        while self._waiters:
            _resolve(self._waiters.popleft())

    async def stop_and_return(self) -> None:
        """Stop, and return what came and was not taken: without a session it would stay locked behind a closed link."""
        self.stop()
        with suppress(BusError):
            await self.drain()
        self.give_back(self.arrived())

    def close(self) -> None:
        """Leave the link; a session that it holds is free again, its messages are as if not delivered."""
        self.stop()
        self._session.end()
        if self._error is None:
            self._error = BusUnavailableError(f"the receiver of {self.entity} is closed")

    # What the AMQP session calls.

    def attached(self, attach: Attach) -> None:
        if attach.source is None or self._attached.done():
            # Refused: the reason follows with the detach.
            return
        session_id = (attach.source.filter or {}).get(SESSION_FILTER)
        if session_id is not None:
            self.session_id = str(session_id)
            ticks = (attach.properties or {}).get(_LOCKED_UNTIL, _EPOCH_TICKS)
            self.locked_until = (ticks - _EPOCH_TICKS) / 10_000_000
        self._delivery_count = attach.initial_delivery_count or 0
        self._attached.set_result(None)

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        if transfer.delivery_id is not None:
            self._delivery = transfer
        self._parts.append(payload)
        if transfer.more:
            return
        whole = payload if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._credit -= 1
        self._delivery_count = (self._delivery_count + 1) & 0xFFFFFFFF
        if not transfer.aborted:
            delivery = Delivery(self._delivery.delivery_id or 0, self._delivery.delivery_tag or b"", whole)
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(delivery)
                return
        self._arrived.append(delivery)

    def flowed(self, flow: Flow) -> None:
        if self._drained is not None and flow.drain and not flow.link_credit:
            self._credit = 0
            if flow.delivery_count is not None:
                self._delivery_count = flow.delivery_count
            _finish(self._drained)

    def lost(self, error: Exception) -> None:
        self._error = error if isinstance(error, BusError) else BusUnavailableError(str(error))
        futures: list[asyncio.Future[Any]] = [self._attached, *self._waiters, *self._unconfirmed.values()]
        if self._drained is not None:
            futures.append(self._drained)
        for future in futures:
            _fail(future, self._error)
        self._waiters.clear()
        self._unconfirmed.clear()

    def _confirmed(self, disposition: Disposition) -> None:
        if not disposition.settled:
            return
        last = disposition.first if disposition.last is None else disposition.last
        for number in range(disposition.first, last + 1):
            confirmed = self._unconfirmed.pop(number, None)
            if confirmed is None:
                continue
            if isinstance(disposition.state, Rejected) and disposition.state.error is not None:
                _fail(confirmed, error_of(disposition.state.error, "the broker refused the settlement"))
            else:
                _finish(confirmed)

    async def _in_time(self, answer: asyncio.Future[None], what: str) -> None:
        try:
            async with asyncio.timeout(self._settle_timeout):
                await answer
        except TimeoutError as error:
            raise BusUnavailableError(f"the broker did not {what} in {self._settle_timeout:g} s") from error


def _path(entity: str) -> str:
    return f"/{entity}"


def _resolve(waiter: "asyncio.Future[Delivery | None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    """Whether anybody waits for it or not; an error that nobody asks for is not one of asyncio's to report."""
    if not future.done():
        future.set_exception(error)
        future.exception()
