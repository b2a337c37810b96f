"""One connection of a client: SASL, open, channels, close.

Rules of order: the official SDKs differ in what they pipeline, so nothing is sent before the client's own header and
open, and frames for channels that are gone are passed over: the Python SDK detaches links after their session ended.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from emulators.amqp.frames import AMQP_HEADER, MIN_MAX_FRAME_SIZE, SASL, SASL_HEADER, Frame
from emulators.amqp.performatives import (
    Begin,
    Close,
    End,
    Error,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
)
from emulators.amqp.protocol import MAX_FRAME_SIZE, AmqpProtocol
from emulators.amqp.values import Array, DecodeError, Symbol
from emulators.servicebus.attaching import attach
from emulators.servicebus.channel import Channel
from emulators.servicebus.faults import Effect, Fault, Faults
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.turns import Turns

_log: Final = logging.getLogger("emulators.servicebus")

CHANNEL_MAX: Final = 8191
_IDLE_TIME_OUT: Final = 240_000  # milliseconds
_OWN_BEAT: Final = 30.0  # seconds, for a client that states no time-out
# MSSBCBS is what .NET insists on, ANONYMOUS what Python does.
_MECHANISMS: Final = SaslMechanisms(
    Array(0xA3, [Symbol("MSSBCBS"), Symbol("PLAIN"), Symbol("ANONYMOUS"), Symbol("EXTERNAL")])
)


class Connection(AmqpProtocol):
    def __init__(self, namespace: Namespace, turns: Turns, faults: Faults, connections: set[Connection]) -> None:
        super().__init__()
        self.namespace = namespace
        self.faults = faults
        self.max_frame_size = MIN_MAX_FRAME_SIZE
        self.channels: dict[int, Channel] = {}
        self._turns = turns
        self._connections = connections
        self._lost = False

    # Both ends of a turn.

    def schedule_flush(self) -> None:
        self._turns.flush_at_end(self)

    def flush(self) -> None:
        if self._lost:
            self.abort()
        else:
            super().flush()

    def lose_answers(self) -> None:
        """What was done stays done; the connection breaks after the commit instead of answering."""
        self._lost = True
        self._turns.flush_at_end(self)

    def strike(self, kind: str, entity: str) -> Fault | None:
        """The fault for an operation, of which the caller has to answer only a refusal, and a drop by doing nothing."""
        fault = self.faults.strike(kind, entity)
        if fault is None:
            return None
        if fault.effect is Effect.DROP:
            self.abort()
        elif fault.effect is Effect.LOSE_ANSWER:
            self.lose_answers()
        return fault

    # What the client sends.

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._turns.begin()
        super().data_received(data)
        self._turns.finish()

    def header_received(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.send_bytes(SASL_HEADER)
            self.send(0, _MECHANISMS, kind=SASL)
        elif header == AMQP_HEADER:
            self.send_bytes(AMQP_HEADER)
        else:
            # The answer to a version that is not spoken is one that is, and the end (part 2, 2.2).
            self.send_bytes(SASL_HEADER)
            self.close()

    def frame_received(self, frame: Frame) -> None:
        try:
            self._receive(frame)
        except Exception as error:  # noqa: BLE001 - the edge of the server: one client's frame must not end the others
            _log.exception("a frame of a client failed")
            self.fail("amqp:internal-error", f"devstack failed on this frame: {error}; see its log.")

    def undecodable(self, error: DecodeError) -> None:
        self.fail("amqp:decode-error", f"Not AMQP 1.0: {error}.")

    def fail(self, condition: str, description: str) -> None:
        self.send(0, Close(Error(condition, description, {})))
        self.close()

    def _receive(self, frame: Frame) -> None:
        body = frame.body
        if isinstance(body, SaslInit):
            self.send(0, SaslOutcome(0), kind=SASL)
        elif isinstance(body, Open):
            self._open(body)
        elif isinstance(body, Begin):
            self._begin(frame.channel, body)
        elif isinstance(body, Close):
            self.send(0, Close())
            self.close()
        else:
            channel = self.channels.get(frame.channel)
            if channel is None:
                return
            if isinstance(body, End):
                del self.channels[frame.channel]
                channel.end()
                self.send(frame.channel, End())
            else:
                channel.receive(body, frame.payload)

    def _open(self, body: Open) -> None:
        self.max_frame_size = min(body.max_frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE)
        if self.max_frame_size < MIN_MAX_FRAME_SIZE:
            self.fail("amqp:invalid-field", f"max-frame-size is {self.max_frame_size}, below {MIN_MAX_FRAME_SIZE}.")
            return
        self.send(0, Open("devstack", None, MAX_FRAME_SIZE, CHANNEL_MAX, _IDLE_TIME_OUT))
        self.start_heartbeats(body.idle_time_out / 2000 if body.idle_time_out else _OWN_BEAT)

    def _begin(self, number: int, body: Begin) -> None:
        if number in self.channels:
            self.fail("amqp:not-allowed", f"Channel {number} is in use.")
            return
        self.channels[number] = Channel(self, number, body, attach)

    # The end.

    def connection_ended(self, error: Exception | None) -> None:  # noqa: ARG002 - however it ended
        self._connections.discard(self)
        channels, self.channels = self.channels, {}
        for channel in channels.values():
            channel.end()

    def decongested(self) -> None:
        for channel in self.channels.values():
            channel.wake()
