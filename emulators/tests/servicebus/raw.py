"""A client that speaks AMQP as the tests tell it to, in the way of .NET or against all ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from emulators.amqp.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame
from emulators.amqp.message import Message
from emulators.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Flow,
    Open,
    Properties,
    SaslInit,
    Source,
    Target,
    Transfer,
)
from emulators.amqp.protocol import AmqpProtocol
from emulators.amqp.values import UInt

_TIMEOUT: Final = 5
_T = TypeVar("_T")


class RawClient(AmqpProtocol):
    """What arrives is in `frames`, in order; `expect` takes the next one and asserts its type."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[bytes] = []
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int, *, mechanism: str = "MSSBCBS", opened: bool = True) -> AsyncIterator[RawClient]:
        """With `opened` after SASL, open and begin of channel 0, as .NET does them."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        try:
            if opened:
                client.send_bytes(SASL_HEADER)
                await client.next()
                client.send(0, SaslInit(mechanism), kind=SASL)
                await client.next()
                client.send_bytes(AMQP_HEADER)
                client.send(0, Open("net", "localhost", 65536, 8191, 30000))
                await client.next()
                await client.begin(0)
            yield client
        finally:
            client.close()
            while await client.frames.get() is not None:
                pass

    def header_received(self, header: bytes) -> None:
        self.headers.append(header)

    def frame_received(self, frame: Frame) -> None:
        self.frames.put_nowait(frame)

    def connection_ended(self, error: Exception | None) -> None:
        self.frames.put_nowait(None)

    async def next(self) -> Frame:
        async with asyncio.timeout(_TIMEOUT):
            frame = await self.frames.get()
        if frame is None:
            self.frames.put_nowait(None)
        assert frame is not None, "the connection ended"
        return frame

    async def expect(self, type_: type[_T]) -> _T:
        frame = await self.next()
        assert isinstance(frame.body, type_), frame
        return frame.body

    async def ended(self) -> None:
        """The connection ends, whatever comes before."""
        async with asyncio.timeout(_TIMEOUT):
            while await self.frames.get() is not None:
                pass
        self.frames.put_nowait(None)

    async def quiet(self) -> None:
        """Everything sent so far was dealt with and nothing more came: an echo comes back first."""
        self.send(0, Flow(0, 5000, 1, 5000, echo=True))
        assert isinstance((await self.next()).body, Flow)
        assert self.frames.empty()

    # Steps that .NET takes.

    async def begin(self, channel: int, *, window: int = 4294967295) -> Begin:
        self.send(channel, Begin(None, 1, window, 5000, 262143))
        return await self.expect(Begin)

    def attach_sender(self, address: str, *, channel: int = 0, handle: int = 0, **fields: Any) -> None:
        body = Attach(f"{address}-{handle}", handle, False, target=Target(address), source=Source(), **fields)
        self.send(channel, body._replace(initial_delivery_count=0))

    def attach_receiver(
        self, address: str, *, channel: int = 0, handle: int = 1, reply: str = "", **fields: Any
    ) -> None:
        filters = fields.pop("filter", None)
        source = Source(address, filter=filters)
        fields = {"rcv_settle_mode": 1} | fields
        self.send(channel, Attach(f"{address}-{handle}", handle, True, source=source, target=Target(reply), **fields))

    async def sender(self, address: str, *, channel: int = 0, handle: int = 0) -> Attach:
        """A link that has credit."""
        self.attach_sender(address, channel=channel, handle=handle)
        attached = await self.expect(Attach)
        await self.expect(Flow)
        return attached

    async def receiver(
        self, address: str, credit: int = 0, *, channel: int = 0, handle: int = 1, **fields: Any
    ) -> Attach:
        self.attach_receiver(address, channel=channel, handle=handle, **fields)
        attached = await self.expect(Attach)
        if credit:
            self.credit(credit, channel=channel, handle=handle)
        return attached

    def credit(
        self, credit: int, *, count: int = 0, channel: int = 0, handle: int = 1, drain: bool | None = None
    ) -> None:
        self.send(channel, Flow(0, 4294967295, 1, 5000, handle, count, credit, None, drain))

    def transfer(
        self,
        message: bytes,
        number: int = 0,
        *,
        channel: int = 0,
        handle: int = 0,
        settled: bool | None = None,
        **fields: Any,
    ) -> None:
        tag = b"" if settled else number.to_bytes(16, "big")
        fields = {"message_format": 0} | fields
        self.send_transfer(Transfer(handle, number, tag, settled=settled, **fields), message, channel)

    def send_transfer(self, transfer: Transfer, payload: bytes, channel: int = 0) -> None:
        self.send(channel, transfer, payload)

    def request(
        self,
        operation: str,
        body: Any,
        *,
        number: int = 0,
        channel: int = 0,
        handle: int = 2,
        reply_to: str = "replies",
    ) -> None:
        """Pre-settled and with an empty tag, as .NET sends requests."""
        message = Message(
            properties=Properties(message_id=f"request-{number}", reply_to=reply_to),
            application_properties={
                "operation": f"com.microsoft:{operation}",
                "com.microsoft:server-timeout": UInt(60000),
                "com.microsoft:tracking-id": "t",
            },
            value=body,
        )
        self.transfer(message.encode(), number, channel=channel, handle=handle, settled=True)

    async def management(self, entity: str, *, channel: int = 0, handle: int = 2) -> None:
        """The pair of links, with handles `handle` and the one behind it."""
        node = f"{entity}/$management"
        self.attach_receiver(node, channel=channel, handle=handle + 1, reply="replies", snd_settle_mode=1)
        await self.expect(Attach)
        self.credit(50, channel=channel, handle=handle + 1)
        await self.sender(node, channel=channel, handle=handle)

    async def answer(self) -> Message:
        frame = await self.next()
        assert isinstance(frame.body, Transfer), frame
        return Message.decode(frame.payload)

    async def refused(self) -> Detach:
        """A link that names nothing and ends at once: the only refusal that both SDKs understand."""
        attached = await self.expect(Attach)
        assert attached.source is None
        assert attached.target is None
        detached = await self.expect(Detach)
        assert detached.closed
        return detached
