"""Sending to a broker over AMQP, without an SDK: quick enough for thousands of messages."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from emulators.amqp.message import Message
from emulators.amqp.performatives import Attach, Disposition, Flow, Properties, Source, Target, Transfer
from emulators.functions.servicebus.connection import Connection, Session


class Sender:
    """Sends to one queue or topic, and returns once the broker has accepted everything."""

    def __init__(self, session: Session, entity: str) -> None:
        self._session = session
        self._entity = entity
        self._credit = 0
        self._sent = 0
        self._changed = asyncio.Event()
        self._open: set[int] = set()
        session.on_disposition = self._settled

    async def open(self) -> None:
        attach = Attach(
            str(uuid.uuid4()),
            0,
            role=False,
            source=Source(address="tests"),
            target=Target(address=f"/{self._entity}"),
            initial_delivery_count=0,
        )
        self._session.attach(self, attach)
        await self._until(lambda: self._credit > 0)

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self._until(lambda: self._credit > 0)
            self._credit -= 1
            self._open.add(self._sent)
            tag = self._sent.to_bytes(4, "big")
            self._session.send_transfer(Transfer(0, self._sent, tag, 0), message.encode())
            self._sent += 1
        await self._until(lambda: not self._open)

    async def _until(self, holds: Any) -> None:
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def attached(self, attach: Attach) -> None: ...

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        raise AssertionError("a sender received something")

    def flowed(self, flow: Flow) -> None:
        self._credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self._sent
        self._changed.set()

    def lost(self, error: Exception) -> None:
        raise AssertionError(f"the broker refused a sender: {error}")

    def _settled(self, disposition: Disposition) -> None:
        last = disposition.first if disposition.last is None else disposition.last
        self._open -= set(range(disposition.first, last + 1))
        self._changed.set()


@asynccontextmanager
async def sending(port: int, entity: str) -> AsyncIterator[Sender]:
    connection = await Connection.open("localhost", port, 5)
    try:
        sender = Sender(connection.session(), entity)
        await sender.open()
        yield sender
    finally:
        await connection.shut()


def message(body: bytes | str = b"{}", session: str | None = None, **properties: Any) -> Message:
    """A message with a new id; `application_properties` and the fields of AMQP's properties by name."""
    data = body.encode() if isinstance(body, str) else body
    application_properties = properties.pop("application_properties", {})
    said = {"message_id": str(uuid.uuid4()), "group_id": session, **properties}
    return Message(properties=Properties(**said), application_properties=application_properties, data=data)
