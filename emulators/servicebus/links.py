"""The links of a channel, by what the client does with them: send, receive, receive from a session."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any, Final

from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Detach,
    Error,
    Flow,
    Modified,
    Rejected,
    Released,
    Transfer,
)
from emulators.amqp.values import DecodeError
from emulators.servicebus.answers import accept_session, refuse
from emulators.servicebus.channel import Channel, Link, OutgoingLink
from emulators.servicebus.errors import ServiceBusError, message_too_large, not_implemented
from emulators.servicebus.faults import Effect
from emulators.servicebus.holding import Lock, LockedSession
from emulators.servicebus.messages import BATCH_FORMAT, MAX_MESSAGE_SIZE, read_batch, read_message, write_message
from emulators.servicebus.queue import Queue
from emulators.servicebus.store import StoredMessage
from emulators.servicebus.topic import Topic

_log: Final = logging.getLogger("emulators.servicebus")

_CREDIT: Final = 1000
_ACCEPTED: Final = Accepted()
# What the info of a rejection says besides the properties to change.
_REASON: Final = "DeadLetterReason"
_DESCRIPTION: Final = "DeadLetterErrorDescription"


class IncomingLink(Link):
    """The client sends. Subclasses take whole messages."""

    def __init__(self, channel: Channel, attach: Attach) -> None:
        super().__init__(channel, attach)
        self.delivery_count = attach.initial_delivery_count or 0
        self._parts: list[bytes] = []
        self._size = 0
        self._first: Transfer | None = None

    def grant(self) -> None:
        self.credit = _CREDIT
        self.channel.send(self.channel.flow(self))

    def transfer(self, transfer: Transfer, payload: bytes) -> None:
        first = self._first
        if first is None:
            if not transfer.more:  # the usual case: a message in one frame
                self._received(transfer, payload, len(payload))
                return
            first = self._first = transfer
        self._size += len(payload)
        if self._size <= MAX_MESSAGE_SIZE:
            self._parts.append(payload)
        if transfer.aborted:
            self._parts, self._size, self._first = [], 0, None
        elif not transfer.more:
            whole, size = b"".join(self._parts), self._size
            self._parts, self._size, self._first = [], 0, None
            # Settlement may be told by the last transfer (part 2, 2.6.14).
            self._received(first._replace(settled=first.settled or transfer.settled), whole, size)

    def _received(self, transfer: Transfer, message: bytes, size: int) -> None:
        self.delivery_count = self.delivery_count + 1 & 0xFFFF_FFFF
        self.credit -= 1
        if self.credit <= _CREDIT // 2:
            self.grant()
        self.receive(transfer, message, size)

    def receive(self, transfer: Transfer, message: bytes, size: int) -> None:
        """A whole message; above the limit `size` says how long it was, and `message` is not all of it."""
        raise NotImplementedError

    def settle(self, transfer: Transfer, outcome: Any) -> None:
        if not transfer.settled:
            self.channel.settled(True, transfer.delivery_id or 0, outcome)

    def flow(self, flow: Flow) -> None:
        if flow.echo:
            self.channel.send(self.channel.flow(self))


class SendingLink(IncomingLink):
    """The client sends to a queue or a topic."""

    def __init__(self, channel: Channel, attach: Attach, entity: Queue | Topic) -> None:
        super().__init__(channel, attach)
        self._entity = entity

    def receive(self, transfer: Transfer, message: bytes, size: int) -> None:
        fault = self.channel.connection.strike("send", self._entity.name)
        if fault is not None and fault.effect is Effect.DROP:
            return
        try:
            if fault is not None and fault.effect is Effect.REFUSE:
                raise fault.error()
            self._send(transfer, message, size)
        except ServiceBusError as error:
            self.settle(transfer, Rejected(error.to_amqp()))
            return
        except DecodeError as error:
            self.settle(transfer, Rejected(Error("amqp:decode-error", f"The message is not valid: {error}.", {})))
            return
        if fault is not None and fault.effect is Effect.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        self.settle(transfer, _ACCEPTED)

    def _send(self, transfer: Transfer, message: bytes, size: int) -> None:
        if transfer.state is not None:
            raise not_implemented("transactions")
        if size > MAX_MESSAGE_SIZE:
            raise message_too_large(size, MAX_MESSAGE_SIZE)
        if transfer.message_format != BATCH_FORMAT:
            self._entity.send(read_message(message))
            return
        messages = read_batch(message)
        for each in messages:
            self._entity.check(each)  # all or none
        for each in messages:
            self._entity.send(each)


class DeliveryLink(OutgoingLink):
    """The client receives from a queue, a subscription or their dead letters."""

    def __init__(self, channel: Channel, attach: Attach, queue: Queue) -> None:
        super().__init__(channel, attach)
        self.queue = queue
        # Pre-settled deliveries are how a client asks for receive-and-delete.
        self.deletes = attach.snd_settle_mode == 1
        self._deleted = 0

    def start(self) -> None:
        """Raises ServiceBusError."""
        self.queue.attach(self)

    def capacity(self) -> int:
        if self.credit <= 0 or self.channel.connection.congested or not self.channel.connection.connected:
            return 0
        return min(self.credit, self.channel.open_window)

    def deliver(self, message: StoredMessage, lock: Lock | None) -> None:
        self.credit -= 1
        self.delivery_count = self.delivery_count + 1 & 0xFFFF_FFFF
        if lock is None:
            self._deleted += 1
            tag = self._deleted.to_bytes(16, "little")
            self.channel.deliver(self, tag, write_message(message, None), settled=True)
            return
        payload = write_message(message, lock.until)
        number = self.channel.deliver(self, lock.token, payload, settled=False)
        self.channel.await_settlement(number, self, lock.token)

    def flow(self, flow: Flow) -> None:
        self.credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self.delivery_count
        if flow.drain:
            self.drain()
            return
        self.wake()
        if flow.echo:
            self.channel.send(self.channel.flow(self))

    def drain(self) -> None:
        """Send what there is, then say that there is no more; also where there was no credit: clients wait for it."""
        self.queue.dispatch()
        self.delivery_count = self.delivery_count + max(self.credit, 0) & 0xFFFF_FFFF
        self.credit = 0
        self.channel.send(self.channel.flow(self, drain=True))

    def wake(self) -> None:
        if self.credit > 0:
            self.queue.runtime.wake(self.queue)

    def settle(self, token: bytes, state: Any) -> Any:
        """Do what the client decided; returns the outcome to answer, or None when the connection breaks instead."""
        fault = self.channel.connection.strike("settle", self.queue.name)
        if fault is not None and fault.effect is Effect.DROP:
            return None
        try:
            if fault is not None and fault.effect is Effect.REFUSE:
                raise fault.error()
            answer = self._decide(token, state)
        except ServiceBusError as error:
            return Rejected(error.to_amqp())
        if fault is not None and fault.effect is Effect.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def _decide(self, token: bytes, state: Any) -> Any:
        queue = self.queue
        match state:
            case Accepted() | None:
                queue.complete(token)
                return _ACCEPTED
            case Released():
                queue.release(token)
                return state
            case Modified(_, undeliverable_here, changes):
                if undeliverable_here:
                    queue.defer(token, changes)
                else:
                    queue.abandon(token, changes)
                return state
            case Rejected(error):
                info = dict(error.info or {}) if error is not None else {}
                reason, description = info.pop(_REASON, None), info.pop(_DESCRIPTION, None)
                queue.dead_letter(token, reason, description, info)
                # Bare: an error in the answer would make the clients report it.
                return Rejected()
        raise not_implemented(f"the outcome {type(state).__name__}")

    def closed(self) -> None:
        self.queue.detach(self)


class SessionLink(DeliveryLink):
    """The client receives from one session. Until one is accepted, the attach is not answered."""

    def __init__(self, channel: Channel, attach: Attach, queue: Queue) -> None:
        super().__init__(channel, attach, queue)
        assert queue.sessions is not None
        self._sessions = queue.sessions
        self.session: LockedSession | None = None

    @property
    def receiver(self) -> SessionLink:
        return self

    def session_accepted(self, session: LockedSession) -> None:
        self.session = session
        accept_session(self.channel, self.attach, session)

    def session_refused(self, error: ServiceBusError) -> None:
        self.channel.links.pop(self.handle, None)
        refuse(self.channel, self.attach, error)

    def session_lock_lost(self, error: ServiceBusError) -> None:
        self.session = None
        self.channel.close_link(self, Detach(self.handle, True, error.to_amqp()))

    def flow(self, flow: Flow) -> None:
        if self.session is not None:
            super().flow(flow)

    def wake(self) -> None:
        if self.session is not None and self.credit > 0:
            self._sessions.wants(self.session)

    def drain(self) -> None:
        if self.session is not None and self.credit > 0:
            self._sessions.wants(self.session)
        super().drain()

    def closed(self) -> None:
        if self.session is None:
            self._sessions.stop_waiting(self)
        else:
            self._sessions.unlock(self.session)
            self.session = None
