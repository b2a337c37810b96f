"""Requests over a pair of links: `$cbs` for tokens, `<entity>/$management` for locks."""

import asyncio
import uuid
from typing import Any, TypeVar

from emulators.amqp.message import Message
from emulators.amqp.performatives import Attach, Flow, Properties, Source, Target, Transfer
from emulators.functions.servicebus.connection import Session
from emulators.functions.servicebus.errors import BusError, BusUnavailableError

T = TypeVar("T")

_SENDER, _RECEIVER = 0, 1
_PRE_SETTLED = 1
_CREDIT = 100


class Requests:
    """Requests to one node, any number at a time."""

    def __init__(self, session: Session, node: str, timeout: float) -> None:
        self._session = session
        self._node = node
        self._timeout = timeout
        self._address = str(uuid.uuid4())
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._parts: list[bytes] = []
        self._sent = 0
        self._received = 0
        self._error: BusError | None = None

    @property
    def live(self) -> bool:
        return self._error is None and self._session.live

    async def open(self) -> None:
        """Attach both links. Raises BusError."""
        name = f"requests-{self._address}"
        self._session.attach(
            self,
            Attach(
                f"{name}:sender",
                _SENDER,
                role=False,
                snd_settle_mode=_PRE_SETTLED,
                source=Source(),
                target=Target(address=self._node),
                initial_delivery_count=0,
            ),
        )
        self._session.attach(
            self,
            Attach(
                f"{name}:receiver",
                _RECEIVER,
                role=True,
                snd_settle_mode=_PRE_SETTLED,
                source=Source(address=self._node),
                target=Target(address=self._address),
            ),
        )
        self._session.flow(_RECEIVER, 0, _CREDIT)
        await self._in_time(self._ready)

    async def request(self, application_properties: dict[str, Any], body: Any) -> Message:
        """The answer. Raises BusUnavailableError if none comes."""
        if self._error is not None:
            raise self._error
        message_id = str(uuid.uuid4())
        message = Message(
            properties=Properties(message_id=message_id, reply_to=self._address),
            application_properties=application_properties,
            value=body,
        )
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = answer
        transfer = Transfer(_SENDER, delivery_id=self._sent, delivery_tag=b"", message_format=0, settled=True)
        self._sent += 1
        self._session.send_transfer(transfer, message.encode())
        try:
            return await self._in_time(answer)
        finally:
            self._answers.pop(message_id, None)

    # What the AMQP session calls.

    def attached(self, attach: Attach) -> None:
        """Nothing to do: requests go out once the broker grants credit, which it does after both."""

    def flowed(self, flow: Flow) -> None:
        if flow.link_credit and not self._ready.done():
            self._ready.set_result(None)

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        self._parts.append(payload)
        if transfer.more:
            return
        message = Message.decode(b"".join(self._parts))
        self._parts.clear()
        self._received += 1
        if self._received % (_CREDIT // 2) == 0:
            self._session.flow(_RECEIVER, self._received, _CREDIT)
        answer = self._answers.get(str(message.properties.correlation_id))
        if answer is not None and not answer.done():
            answer.set_result(message)

    def lost(self, error: Exception) -> None:
        self._error = error if isinstance(error, BusError) else BusUnavailableError(str(error))
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._answers.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(self._error)
                future.exception()

    async def _in_time(self, answer: asyncio.Future[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError as error:
            raise BusUnavailableError(f"{self._node} did not answer in {self._timeout:g} s") from error
