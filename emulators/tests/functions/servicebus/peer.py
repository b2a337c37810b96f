"""A broker of a few lines: it opens whatever it is asked to, and a test decides the rest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from emulators.amqp.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame
from emulators.amqp.message import Message
from emulators.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Open,
    Properties,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Source,
    Target,
    Transfer,
)
from emulators.amqp.protocol import AmqpProtocol
from emulators.amqp.values import Array, Int, Symbol
from emulators.functions.servicebus.namespace import Namespace
from emulators.functions.servicebus.receiver import SESSION_FILTER
from emulators.tests.functions.servicebus.messages import delivery

_SYMBOL_8 = 0xA3


@dataclass
class Seen:
    """A frame of the client with its channel."""

    channel: int
    body: Any


class Peer(AmqpProtocol):
    """The broker's end of one connection."""

    def __init__(self, broker: "ScriptedBroker") -> None:
        super().__init__()
        self.broker = broker
        self.links: dict[tuple[int, int], Attach] = {}
        self.replies: dict[str, tuple[int, int]] = {}
        self._next_delivery: dict[int, int] = {}
        broker.peers.append(self)

    def header_received(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.send_bytes(SASL_HEADER)
            self.send(0, SaslMechanisms(Array(_SYMBOL_8, self.broker.mechanisms)), kind=SASL)
        elif not self.broker.mute:
            self.send_bytes(AMQP_HEADER)

    def frame_received(self, frame: Frame) -> None:
        body, channel = frame.body, frame.channel
        self.broker.seen.append(Seen(channel, body))
        match body:
            case SaslInit():
                self.send(0, SaslOutcome(self.broker.sasl_code), kind=SASL)
            case Open():
                self.send(0, Open("broker", max_frame_size=65536, channel_max=8191, idle_time_out=240000))
            case Begin():
                self.send(channel, Begin(channel, 0, 5000, 2**31 - 1, 255))
            case Attach():
                self._attach(channel, body)
            case Transfer(handle=handle):
                target = self.links[channel, handle].target
                assert isinstance(target, Target)
                self._answer(str(target.address), Message.decode(frame.payload))
            case Flow(drain=True):
                reached = (body.delivery_count or 0) + (body.link_credit or 0)
                self.send(channel, body._replace(delivery_count=reached, link_credit=0))
            case Disposition(settled=False):
                self.broker.on_disposition(self, channel, body)
            case Detach():
                self.send(channel, Detach(body.handle, closed=True))
            case End():
                self.send(channel, End())
            case Close():
                self.send(0, Close())
                self.close()

    def _attach(self, channel: int, attach: Attach) -> None:
        self.links[channel, attach.handle] = attach
        if not attach.role:
            self.send(channel, attach._replace(role=True, initial_delivery_count=None, max_message_size=1048576))
            self.send(channel, Flow(1, 5000, 0, 5000, attach.handle, 0, 1000))
            return
        if isinstance(attach.target, Target) and attach.target.address is not None:
            self.replies[attach.target.address] = (channel, attach.handle)
            self.accept(channel, attach)
            return
        self.broker.on_attach(self, channel, attach)

    def accept(self, channel: int, attach: Attach, session: str | None = None, locked_until: float = 0.0) -> None:
        """Attach a receiver, of a session if one is named."""
        answer = attach._replace(role=False, initial_delivery_count=0)
        if session is not None:
            assert attach.source is not None
            ticks = 621_355_968_000_000_000 + round(locked_until * 10_000_000)
            answer = answer._replace(
                source=Source(address=attach.source.address, filter={SESSION_FILTER: session}),
                properties={Symbol("com.microsoft:locked-until-utc"): ticks},
            )
        self.send(channel, answer)

    def refuse(self, channel: int, attach: Attach, condition: str, description: str) -> None:
        """Refuse a link as Service Bus does: attach without termini, then detach with the reason."""
        self.send(channel, attach._replace(role=False, source=None, target=None, initial_delivery_count=0))
        self.detach(channel, attach.handle, condition, description)

    def detach(self, channel: int, handle: int, condition: str, description: str) -> None:
        self.send(channel, Detach(handle, closed=True, error=Error(condition, description, {})))

    def deliver(self, channel: int, body: bytes = b"{}", *, handle: int = 0, frame_size: int = 60_000) -> int:
        """Send a message; its delivery id."""
        number = self._next_delivery.get(channel, 0)
        self._next_delivery[channel] = number + 1
        message = delivery(body, sequence_number=number + 1)
        transfer = Transfer(handle, number, message.tag, 0)
        payload = message.payload
        for start in range(0, len(payload), frame_size):
            more = start + frame_size < len(payload)
            self.send(channel, transfer._replace(more=more), payload[start : start + frame_size])
            transfer = Transfer(handle)
        return number

    def settle(self, channel: int, disposition: Disposition, state: Any = None) -> None:
        """Confirm a settlement."""
        self.send(channel, disposition._replace(role=False, settled=True, state=state or disposition.state))

    def _answer(self, node: str, request: Message) -> None:
        said = {"status-code": Int(202), "status-description": "OK"}
        body = None
        if node != "$cbs":
            status, body = self.broker.manage(node, request.application_properties["operation"], request.value)
            said = {"statusCode": Int(status), "statusDescription": "said so"}
        answer = Message(
            properties=Properties(correlation_id=request.properties.message_id),
            application_properties=said,
            value=body,
        )
        channel, handle = self.replies[str(request.properties.reply_to)]
        self.send(channel, Transfer(handle, 0, b"", 0, settled=True), answer.encode())


@dataclass
class ScriptedBroker:
    """What all connections have in common. `seen` holds the frames of all of them."""

    mechanisms: list[str] = field(default_factory=lambda: ["MSSBCBS", "PLAIN", "ANONYMOUS"])
    sasl_code: int = 0
    mute: bool = False
    peers: list[Peer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    on_attach: Callable[[Peer, int, Attach], None] = Peer.accept
    on_disposition: Callable[[Peer, int, Disposition], None] = Peer.settle
    manage: Callable[[str, str, Any], tuple[int, Any]] = lambda node, operation, body: (501, None)
    port: int = 0

    @property
    def namespace(self) -> Namespace:
        return Namespace("127.0.0.1", self.port, "key", "a2V5")

    def of(self, kind: type[Any]) -> list[Seen]:
        """The frames of one kind."""
        return [each for each in self.seen if isinstance(each.body, kind)]

    def entity_links(self) -> list[Seen]:
        """The receivers that were asked for, without those of requests."""
        return [each for each in self.of(Attach) if each.body.role and each.body.target.address is None]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ScriptedBroker"]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Peer(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for peer in self.peers:
                peer.abort()
            await server.wait_closed()
