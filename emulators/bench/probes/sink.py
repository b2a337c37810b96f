"""A bus that stores nothing: `python -m emulators.bench.probes.sink` prints its URL, serves until stdin ends.

It settles every transfer that it gets, hands the same message to every receiver as often as it asks, and confirms every
disposition. So what an SDK call takes against it is the work of the client, and of AMQP.
"""

import asyncio
import itertools
import sys
from dataclasses import dataclass
from typing import Any, Final

from emulators.amqp.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame
from emulators.amqp.message import Message
from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Header,
    Open,
    Properties,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
)
from emulators.amqp.protocol import AmqpProtocol
from emulators.amqp.values import Array, Int, Symbol, Timestamp

_CREDIT: Final = 5000
_WINDOW: Final = 2_147_483_647
_CBS: Final = "$cbs"
_CANNED: Final = Message(
    header=Header(delivery_count=0),
    annotations={
        Symbol("x-opt-enqueued-time"): Timestamp(1),
        Symbol("x-opt-sequence-number"): 1,
        Symbol("x-opt-locked-until"): Timestamp(4_000_000_000_000),
        Symbol("x-opt-message-state"): Int(0),
    },
    properties=Properties(message_id="m" * 32),
    data=b"x" * 500,
).encode()


@dataclass
class _Delivering:
    """A link on which the client receives."""

    attach: Attach
    count: int = 0


class Sink(AmqpProtocol):
    def __init__(self) -> None:
        super().__init__()
        self._links: dict[tuple[int, int], Attach | _Delivering] = {}
        self._deliveries = itertools.count()
        self._tags = itertools.count(1)

    def header_received(self, header: bytes) -> None:
        self.send_bytes(header)
        if header == SASL_HEADER:
            self.send(0, SaslMechanisms(Array(0xA3, [Symbol("ANONYMOUS")])), kind=SASL)
        else:
            assert header == AMQP_HEADER

    def frame_received(self, frame: Frame) -> None:
        channel, body = frame.channel, frame.body
        match body:
            case Transfer():
                self._take(channel, body, frame.payload)
            case Disposition(role=True):
                if not body.settled:
                    self.send(channel, Disposition(False, body.first, body.last, True, body.state))
            case Flow():
                self._deliver(channel, body)
            case Attach():
                self._attach(channel, body)
            case SaslInit():
                self.send(0, SaslOutcome(0), kind=SASL)
            case Open():
                self.send(0, Open("sink", None, 65536, 8191))
            case Begin():
                self.send(channel, Begin(channel, 0, _WINDOW, _WINDOW, 255))
            case Detach() | End() | Close():
                self.send(channel, Detach(body.handle, True) if isinstance(body, Detach) else body)

    def _attach(self, channel: int, body: Attach) -> None:
        mine = 0 if body.role else None
        self.send(
            channel,
            body._replace(
                role=not body.role,
                initial_delivery_count=mine,
                max_message_size=None if body.role else 262_144,
                properties=None,
            ),
        )
        self._links[channel, body.handle] = _Delivering(body) if body.role else body
        if not body.role:
            self.send(channel, Flow(0, _WINDOW, 0, _WINDOW, body.handle, 0, _CREDIT))

    def _take(self, channel: int, transfer: Transfer, payload: bytes) -> None:
        link = self._links[channel, transfer.handle]
        if not transfer.settled and not transfer.more:
            self.send(channel, Disposition(True, transfer.delivery_id or 0, None, True, Accepted()))
        if isinstance(link, Attach) and link.target is not None and getattr(link.target, "address", "") == _CBS:
            self._answer(channel, Message.decode(payload))

    def _answer(self, channel: int, request: Message) -> None:
        handle = next(
            handle
            for (of, handle), link in self._links.items()
            if of == channel and isinstance(link, _Delivering) and _node(link.attach) == _CBS
        )
        answer = Message(
            properties=Properties(correlation_id=request.properties.message_id),
            application_properties={"status-code": Int(202), "status-description": "Accepted"},
        )
        self._transfer(channel, handle, answer.encode(), settled=True)

    def _deliver(self, channel: int, flow: Flow) -> None:
        link = self._links.get((channel, flow.handle if flow.handle is not None else -1))
        if not isinstance(link, _Delivering) or _node(link.attach) == _CBS:
            return
        wanted = (flow.delivery_count or 0) + (flow.link_credit or 0) - link.count
        if flow.drain:
            link.count += max(wanted, 0)
            windows = (0, _WINDOW, 0, _WINDOW)
            self.send(channel, Flow(*windows, link.attach.handle, link.count, 0, None, True))
            return
        for _ in range(wanted):
            link.count += 1
            self._transfer(channel, link.attach.handle, _CANNED, settled=link.attach.snd_settle_mode == 1)

    def _transfer(self, channel: int, handle: int, message: bytes, *, settled: bool) -> None:
        tag = next(self._tags).to_bytes(16, "big")
        self.send(channel, Transfer(handle, next(self._deliveries), tag, 0, settled), message)


def _node(attach: Attach) -> Any:
    return None if attach.source is None else attach.source.address


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(f"devstack: sink ready at amqp://localhost:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
