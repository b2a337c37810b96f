"""An AMQP session on a connection (a Service Bus session is something else): windows, links and delivery ids."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from emulators.amqp.encoding import uint
from emulators.amqp.performatives import Accepted, Attach, Begin, Detach, Disposition, Flow, Transfer
from emulators.servicebus.faults import Fault
from emulators.servicebus.namespace import Namespace

HANDLE_MAX: Final = 8191
WINDOW: Final = 5000
_OUTGOING_WINDOW: Final = 2_147_483_647
_FRAME_HEAD: Final = struct.Struct(">IBBH3s")
# A transfer's performative is never longer: 8 bytes of frame, 6 of list, handle, id, tag, format and three flags.
_TRANSFER_ROOM: Final = 64


class Carrier(Protocol):
    """What the connection does for its channels and their links."""

    @property
    def namespace(self) -> Namespace: ...

    @property
    def max_frame_size(self) -> int: ...

    @property
    def connected(self) -> bool: ...

    @property
    def congested(self) -> bool: ...

    def send(self, channel: int, body: Any) -> None: ...

    def send_bytes(self, data: bytes) -> None: ...

    def fail(self, condition: str, description: str) -> None: ...

    def strike(self, kind: str, entity: str) -> Fault | None: ...


class Link:
    """`credit` is that of whoever receives, `delivery_count` as the AMQP specification counts (part 2, 2.6.7)."""

    def __init__(self, channel: Channel, attach: Attach) -> None:
        self.channel = channel
        self.attach = attach
        self.handle = attach.handle
        self.name = attach.name
        self.delivery_count = 0
        self.credit = 0

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        """The client sends on this link."""

    def flow(self, flow: Flow) -> None:
        """The client tells the state of this link."""

    def wake(self) -> None:
        """The client may take more."""

    def closed(self) -> None:
        """The link is gone, by either side or with its connection."""


class OutgoingLink(Link):
    """The client receives, and settles what it got."""

    def settle(self, token: bytes, state: Any) -> Any:
        """Do what the client decided; returns the outcome to answer, or None when the connection breaks instead."""
        raise NotImplementedError


class Channel:
    """`attach` makes a link of what a client asks for and answers, or refuses."""

    def __init__(
        self, connection: Carrier, number: int, begin: Begin, attach: Callable[[Channel, Attach], None]
    ) -> None:
        self.connection = connection
        self.number = number
        self.links: dict[int, Link] = {}
        self._attach = attach
        self._next_incoming = begin.next_outgoing_id
        self._incoming_window = WINDOW
        self._next_outgoing = 0
        self._remote_window = begin.incoming_window
        self._next_delivery = 0
        self._unsettled: dict[int, tuple[OutgoingLink, bytes]] = {}
        self._held: deque[bytes] = deque()
        self.send(Begin(number, 0, WINDOW, _OUTGOING_WINDOW, HANDLE_MAX))

    def send(self, body: Any) -> None:
        self.connection.send(self.number, body)

    def receive(self, body: Any, payload: bytes) -> None:
        if isinstance(body, Transfer):
            self._transferred()
            link = self.links.get(body.handle)
            if link is not None:
                link.transfer(body, payload)
        elif isinstance(body, Disposition):
            self._settle(body)
        elif isinstance(body, Flow):
            self._flow(body)
        elif isinstance(body, Attach):
            self._attach(self, body)
        elif isinstance(body, Detach):
            link = self.links.pop(body.handle, None)
            if link is not None:
                self.drop(link)
                self.send(Detach(body.handle, True))
        else:
            self.connection.fail("amqp:not-implemented", f"{type(body).__name__} is not expected here.")

    def end(self) -> None:
        links, self.links = self.links, {}
        for link in links.values():
            link.closed()
        self._unsettled.clear()
        self._held.clear()

    def close_link(self, link: Link, detach: Detach) -> None:
        """Detach from this side."""
        self.links.pop(link.handle, None)
        self.drop(link)
        self.send(detach)

    def drop(self, link: Link) -> None:
        link.closed()
        if isinstance(link, OutgoingLink):
            self._unsettled = {number: entry for number, entry in self._unsettled.items() if entry[0] is not link}

    def wake(self) -> None:
        for link in self.links.values():
            link.wake()

    # Windows.

    @property
    def open_window(self) -> int:
        """How many transfers the client's window takes now."""
        return 0 if self._held else self._remote_window

    def _transferred(self) -> None:
        self._next_incoming = self._next_incoming + 1 & 0xFFFF_FFFF
        self._incoming_window -= 1
        if self._incoming_window <= WINDOW // 2:
            self._incoming_window = WINDOW
            self.send(self.flow())

    def flow(self, link: Link | None = None, *, drain: bool | None = None) -> Flow:
        """The state of the windows and of a link."""
        windows = (self._next_incoming, self._incoming_window, self._next_outgoing, _OUTGOING_WINDOW)
        if link is None:
            return Flow(*windows)
        return Flow(*windows, link.handle, link.delivery_count, link.credit, None, drain)

    def _flow(self, flow: Flow) -> None:
        # What the client has not counted yet is still under way (part 2, 2.5.6). Serial numbers of 32 bits.
        base = 0 if flow.next_incoming_id is None else flow.next_incoming_id
        self._remote_window = (base + flow.incoming_window - self._next_outgoing) & 0xFFFF_FFFF
        if self._remote_window > 0x7FFF_FFFF and flow.incoming_window < 0x7FFF_FFFF:
            self._remote_window = 0
        self._send_held()
        if flow.handle is None:
            if flow.echo:
                self.send(self.flow())
            self.wake()
            return
        link = self.links.get(flow.handle)
        if link is not None:
            link.flow(flow)

    # Deliveries to the client.

    def deliver(self, link: Link, tag: bytes, payload: bytes, *, settled: bool) -> int:
        """Send a message, in as many frames as it takes; returns its delivery id."""
        number = self._next_delivery
        self._next_delivery = number + 1 & 0xFFFF_FFFF
        handle = uint(link.handle)
        flags = b"\x43\x41" if settled else b"\x43\x42"
        fields = handle + uint(number) + b"\xa0" + bytes((len(tag),)) + tag + flags
        room = self.connection.max_frame_size - _TRANSFER_ROOM
        if len(payload) <= room:
            self._send_transfer(5, fields, payload)
            return number
        for start in range(0, len(payload), room):
            more = b"\x41" if start + room < len(payload) else b"\x42"
            part = payload[start : start + room]
            if start == 0:
                self._send_transfer(6, fields + more, part)
            else:
                self._send_transfer(6, handle + b"\x40\x40\x40\x40" + more, part)
        return number

    def _send_transfer(self, count: int, fields: bytes, payload: bytes) -> None:
        size = 8 + 6 + len(fields) + len(payload)
        head = _FRAME_HEAD.pack(size, 2, 0, self.number, b"\x00\x53\x14")
        frame = b"".join((head, b"\xc0", bytes((len(fields) + 1, count)), fields, payload))
        if self.open_window > 0:
            self._remote_window -= 1
            self._next_outgoing = self._next_outgoing + 1 & 0xFFFF_FFFF
            self.connection.send_bytes(frame)
        else:
            self._held.append(frame)

    def _send_held(self) -> None:
        while self._held and self._remote_window > 0:
            self._remote_window -= 1
            self._next_outgoing = self._next_outgoing + 1 & 0xFFFF_FFFF
            self.connection.send_bytes(self._held.popleft())

    # Settlement.

    def await_settlement(self, number: int, link: OutgoingLink, token: bytes) -> None:
        self._unsettled[number] = (link, token)

    def _settle(self, disposition: Disposition) -> None:
        if not disposition.role:
            return  # as the sender of its own messages, which are settled when they are accepted
        last = disposition.first if disposition.last is None else disposition.last
        if last == disposition.first:
            numbers = [last]
        elif last - disposition.first > len(self._unsettled) + WINDOW:
            numbers = [number for number in self._unsettled if disposition.first <= number <= last]
        else:
            numbers = list(range(disposition.first, last + 1))
        for number in numbers:
            entry = self._unsettled.get(number)
            if entry is None:
                continue
            if disposition.state is None and not disposition.settled:
                continue
            link, token = entry
            answer = link.settle(token, disposition.state)
            if answer is None:
                return  # the connection broke instead
            del self._unsettled[number]
            if not disposition.settled:
                self.settled(False, number, answer)

    def settled(self, role: bool, number: int, outcome: Any) -> None:
        """Tell the client that a delivery is settled. That it was accepted is told most often by far."""
        if not isinstance(outcome, Accepted):
            self.send(Disposition(role, number, None, True, outcome))
            return
        fields = (b"\x41" if role else b"\x42") + uint(number) + b"\x40\x41\x00\x53\x24\x45"
        head = _FRAME_HEAD.pack(14 + len(fields), 2, 0, self.number, b"\x00\x53\x15")
        self.connection.send_bytes(head + b"\xc0" + bytes((len(fields) + 1, 5)) + fields)
