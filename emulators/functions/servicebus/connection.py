"""One AMQP connection to a broker, and the AMQP sessions that its links live in.

As .NET clients have it: one connection for a namespace, one AMQP session for every receiver, one for every pair of
request links. Settings are those of Azure.Messaging.ServiceBus.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from emulators.amqp.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame
from emulators.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
)
from emulators.amqp.protocol import MAX_FRAME_SIZE, AmqpProtocol
from emulators.amqp.values import DecodeError
from emulators.functions.servicebus.errors import BusUnavailableError, error_of

_IDLE_MS = 30_000
_CHANNEL_MAX = 8191
_HANDLE_MAX = 262_143
_INCOMING_WINDOW = 2**32 - 1
_OUTGOING_WINDOW = 5000
_CLOSE_S = 2.0
_MECHANISMS = ("MSSBCBS", "ANONYMOUS")


class Link(Protocol):
    """One end of a link: told what its AMQP session receives for it."""

    def attached(self, attach: Attach) -> None: ...

    def transferred(self, transfer: Transfer, payload: bytes) -> None: ...

    def flowed(self, flow: Flow) -> None: ...

    def lost(self, error: Exception) -> None:
        """Detached by the broker, or gone with the AMQP session or the connection."""


class Session:
    """An AMQP session. It ends with the first of its links that the broker detaches, as in the SDKs."""

    def __init__(self, connection: "Connection", channel: int) -> None:
        self._connection = connection
        self._channel = channel
        self._links: dict[int, Link] = {}
        self._by_name: dict[str, Link] = {}
        self._by_peer_handle: dict[int, Link] = {}
        self._next_outgoing_id = 1
        self._next_incoming_id = 0
        self.on_disposition: Callable[[Disposition], None] = lambda _: None
        self._ended = False

    @property
    def live(self) -> bool:
        """Whether links can be used."""
        return not self._ended

    def begin(self) -> None:
        """Open it; links may be attached at once."""
        self.send(Begin(None, self._next_outgoing_id, _INCOMING_WINDOW, _OUTGOING_WINDOW, _HANDLE_MAX))

    def attach(self, link: Link, attach: Attach) -> None:
        """Ask the broker for a link; it answers through `Link.attached`, or `Link.lost`."""
        self._links[attach.handle] = link
        self._by_name[attach.name] = link
        self.send(attach)

    def send(self, body: Any, payload: bytes = b"") -> None:
        self._connection.send(self._channel, body, payload)

    def send_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Send a message, in as many frames as its size takes."""
        room = self._connection.max_frame_size - 64
        for start in range(0, len(payload), room):
            more = start + room < len(payload)
            self.send(transfer._replace(more=more or None), payload[start : start + room])
            self._next_outgoing_id += 1
            transfer = Transfer(transfer.handle)

    def flow(self, handle: int, delivery_count: int, link_credit: int, *, drain: bool | None = None) -> None:
        """Tell how many messages the broker may send on a link."""
        self.send(
            Flow(
                self._next_incoming_id,
                _INCOMING_WINDOW,
                self._next_outgoing_id,
                _OUTGOING_WINDOW,
                handle,
                delivery_count,
                link_credit,
                None,
                drain,
            )
        )

    def end(self) -> None:
        """Detach the links and end; the broker gives back what they hold. Nothing is waited for."""
        if self._ended:
            return
        self._ended = True
        for handle in self._links:
            self.send(Detach(handle, closed=True))
        self.send(End())

    def received(self, body: Any, payload: bytes) -> None:
        """A frame on this session's channel."""
        kind = type(body)
        if kind is Transfer:
            self._next_incoming_id = (self._next_incoming_id + 1) & 0xFFFFFFFF
            if (link := self._by_peer_handle.get(body.handle)) is not None:
                link.transferred(body, payload)
        elif kind is Disposition:
            self.on_disposition(body)
        elif kind is Flow:
            if body.handle is not None and (link := self._by_peer_handle.get(body.handle)) is not None:
                link.flowed(body)
        elif kind is Attach:
            link = self._by_name.get(body.name)
            if link is not None:
                self._by_peer_handle[body.handle] = link
                link.attached(body)
        elif kind is Detach:
            self.fail(error_of(body.error, "the broker detached the link"))
        elif kind is End and not self._ended:
            self._ended = True
            self.send(End())
            self._tell(error_of(body.error, "the broker ended the AMQP session"))

    def began(self, begin: Begin) -> None:
        """The broker's half of the session."""
        self._next_incoming_id = begin.next_outgoing_id

    def fail(self, error: Exception) -> None:
        """Tell the links that they are lost, and end."""
        if not self._ended:
            self.end()
            self._tell(error)

    def lost(self, error: Exception) -> None:
        """The connection is gone."""
        if not self._ended:
            self._ended = True
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        for link in list(self._links.values()):
            link.lost(error)


class Connection(AmqpProtocol):
    """A connection that has been opened; `Connection.open` makes one. It is `connected` until it ends."""

    def __init__(self, hostname: str) -> None:
        super().__init__()
        self.max_frame_size = 512
        self._hostname = hostname
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reason: Exception | None = None
        self._sessions: dict[int, Session] = {}
        self._by_peer_channel: dict[int, tuple[int, Session]] = {}
        self._free_channels: list[int] = []
        self._channel_max = _CHANNEL_MAX
        self._heard = asyncio.get_running_loop().time()
        self._silence: asyncio.TimerHandle | None = None

    @staticmethod
    async def open(host: str, port: int, timeout: float) -> "Connection":
        """Connect and open within so many seconds. Raises BusUnavailableError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                _, connection = await loop.create_connection(lambda: Connection(host), host, port)
                try:
                    await connection._opened  # noqa: SLF001 - this is its constructor
                except BaseException:
                    connection.abort()
                    raise
        except TimeoutError as error:
            raise BusUnavailableError(f"no answer from {host}:{port} in {timeout:g} s") from error
        except OSError as error:
            raise BusUnavailableError(f"cannot connect to {host}:{port}: {error.strerror or error}") from error
        return connection

    def session(self) -> Session:
        """A new AMQP session, begun. Raises BusUnavailableError if the connection is gone."""
        if not self.connected:
            raise BusUnavailableError("the connection to the broker is gone")
        if self._free_channels:
            channel = self._free_channels.pop()
        elif len(self._sessions) <= self._channel_max:
            channel = len(self._sessions)
        else:
            raise BusUnavailableError(f"all {self._channel_max + 1} channels of the connection are in use")
        session = self._sessions[channel] = Session(self, channel)
        session.begin()
        return session

    async def shut(self) -> None:
        """Close in order: the broker gives back what the links held before this returns, as a rule."""
        if self.connected:
            for session in list(self._sessions.values()):
                session.end()
            self.send(0, Close())
            self.flush()
            await asyncio.wait([self._ended], timeout=_CLOSE_S)
        self.abort()
        await asyncio.wait([self._ended], timeout=_CLOSE_S)

    # What AmqpProtocol calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.send_bytes(SASL_HEADER)

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        super().data_received(data)

    def header_received(self, header: bytes) -> None:
        if header == AMQP_HEADER:
            self.send(
                0,
                Open(
                    f"functions-{uuid.uuid4()}",
                    self._hostname,
                    MAX_FRAME_SIZE,
                    _CHANNEL_MAX,
                    _IDLE_MS,
                ),
            )

    def frame_received(self, frame: Frame) -> None:
        body = frame.body
        if frame.kind == SASL:
            self._sasl(body)
            return
        known = self._by_peer_channel.get(frame.channel)
        if type(body) is Begin:
            self._began(frame.channel, body)
        elif known is not None:
            channel, session = known
            session.received(body, frame.payload)
            if type(body) is End:
                del self._by_peer_channel[frame.channel]
                del self._sessions[channel]
                self._free_channels.append(channel)
        elif type(body) is Open:
            self._open(body)
        if type(body) is Close:
            self._give_up(error_of(body.error, "the broker closed the connection"))
            self.send(0, Close())
            self.close()

    def undecodable(self, error: DecodeError) -> None:
        self._give_up(BusUnavailableError(f"the broker sent what is no AMQP: {error}"))
        self.abort()

    def connection_ended(self, error: Exception | None) -> None:
        if self._silence is not None:
            self._silence.cancel()
        reason = self._reason or BusUnavailableError(
            f"the connection to the broker broke{f': {error}' if error else ''}"
        )
        if not self._opened.done():
            self._opened.set_exception(reason)
        self._ended.set_result(None)
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.lost(reason)

    def _sasl(self, body: Any) -> None:
        if isinstance(body, SaslMechanisms):
            offered = [body.mechanisms] if isinstance(body.mechanisms, str) else list(body.mechanisms or ())
            chosen = next((each for each in _MECHANISMS if each in offered), None)
            if chosen is None:
                self._give_up(BusUnavailableError(f"the broker offers no SASL of {_MECHANISMS}, only {offered}"))
                self.abort()
            else:
                self.send(0, SaslInit(chosen, hostname=self._hostname), kind=SASL)
        elif isinstance(body, SaslOutcome):
            if body.code == 0:
                self.send_bytes(AMQP_HEADER)
            else:
                self._give_up(BusUnavailableError(f"the broker refused SASL with code {body.code}"))
                self.abort()

    def _open(self, peer: Open) -> None:
        self.max_frame_size = min(peer.max_frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE)
        self._channel_max = min(_CHANNEL_MAX if peer.channel_max is None else peer.channel_max, _CHANNEL_MAX)
        if peer.idle_time_out:
            self.start_heartbeats(peer.idle_time_out / 2000)
        self._listen_for_silence()
        if not self._opened.done():
            self._opened.set_result(None)

    def _began(self, peer_channel: int, begin: Begin) -> None:
        session = self._sessions.get(-1 if begin.remote_channel is None else begin.remote_channel)
        if session is not None and begin.remote_channel is not None:
            self._by_peer_channel[peer_channel] = (begin.remote_channel, session)
            session.began(begin)

    def _give_up(self, reason: Exception) -> None:
        if self._reason is None:
            self._reason = reason

    def _listen_for_silence(self) -> None:
        """A broker that says nothing for as long as this end declared is taken for dead."""
        loop = asyncio.get_running_loop()
        left = self._heard + _IDLE_MS / 1000 - loop.time()
        if left <= 0:
            self._give_up(BusUnavailableError(f"the broker was silent for {_IDLE_MS // 1000} s"))
            self.abort()
            return
        self._silence = loop.call_later(left, self._listen_for_silence)
