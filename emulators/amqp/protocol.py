"""One end of a connection on asyncio: frames in, frames out, heartbeats. What they mean is for the subclass."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from emulators.amqp.frames import AMQP, HEARTBEAT, Frame, FrameSplitter, ProtocolHeader, encode_frame
from emulators.amqp.values import DecodeError

# What this end can take; peers learn it from open.
MAX_FRAME_SIZE: Final = 65536


class AmqpProtocol(asyncio.Protocol):
    """Subclasses answer `header_received`, `frame_received` and `connection_ended`.

    Everything sent in one turn of the loop leaves in one write. `congested` is true while the peer reads too slowly.
    """

    def __init__(self, max_frame_size: int = MAX_FRAME_SIZE) -> None:
        self.congested = False
        self._splitter = FrameSplitter(max_frame_size)
        self._pending: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._closing = False

    # For the subclass to override.

    def header_received(self, header: bytes) -> None:
        """Eight bytes that start SASL or AMQP."""

    def frame_received(self, frame: Frame) -> None:
        """Everything but heartbeats."""

    def undecodable(self, error: DecodeError) -> None:  # noqa: ARG002 - for those that answer with it
        """The peer sent what is no AMQP; nothing more is read from it."""
        self.close()

    def connection_ended(self, error: Exception | None) -> None:
        """The connection is gone; nothing more is received."""

    def decongested(self) -> None:
        """The peer reads again."""

    def schedule_flush(self) -> None:
        """The first thing since the last `flush` waits to be written."""
        asyncio.get_running_loop().call_soon(self.flush)

    # For the subclass to call.

    @property
    def connected(self) -> bool:
        return self._transport is not None and not self._closing

    def send(self, channel: int, body: Any, payload: bytes = b"", kind: int = AMQP) -> None:
        self.send_bytes(encode_frame(channel, body, payload, kind))

    def send_bytes(self, data: bytes) -> None:
        """A protocol header, or frames that are encoded already. After the end of the connection it goes nowhere."""
        if self._transport is None or self._closing:
            return
        if not self._pending:
            self.schedule_flush()
        self._pending.append(data)

    def flush(self) -> None:
        if self._pending and self._transport is not None:
            self._transport.write(b"".join(self._pending))
        self._pending.clear()
        if self._closing and self._transport is not None:
            self._transport.close()

    def start_heartbeats(self, seconds: float) -> None:
        """Send an empty frame in every interval; an interval of at most half the peer's idle time-out keeps it calm."""
        self._stop_heartbeats()

        def beat() -> None:
            self.send_bytes(HEARTBEAT)
            self.start_heartbeats(seconds)

        self._beat = asyncio.get_running_loop().call_later(seconds, beat)

    def close(self) -> None:
        """Write what waits in the next flush, then close the socket. `connection_ended` follows."""
        if self._transport is None or self._closing:
            return
        if not self._pending:
            self.schedule_flush()
        self._closing = True

    def abort(self) -> None:
        """Close the socket at once; what waits to be written is lost."""
        self._pending.clear()
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            found = self._splitter.feed(data)
        except DecodeError as error:
            self.undecodable(error)
            return
        for item in found:
            if isinstance(item, ProtocolHeader):
                self.header_received(item.data)
            elif item.body is not None:
                self.frame_received(item)
            if not self.connected:
                return

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pending.clear()
        self._stop_heartbeats()
        self.connection_ended(exc)

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self.decongested()

    def _stop_heartbeats(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
