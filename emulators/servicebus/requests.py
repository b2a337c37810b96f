"""Requests and their answers: `$cbs`, which lets everybody in, and `$management`.

A request names in reply-to where its answer goes: the target of a link (.NET, Python) or its name (JavaScript).
"""

from __future__ import annotations

import logging
import os
import signal
from collections import deque
from typing import Any, Final

from emulators.amqp.message import Message
from emulators.amqp.performatives import Accepted, Attach, Flow, Properties, Rejected, Target, Transfer
from emulators.amqp.values import DecodeError, Int, Symbol
from emulators.servicebus import management
from emulators.servicebus.channel import Channel, Link
from emulators.servicebus.errors import ServiceBusError, argument_error
from emulators.servicebus.faults import Effect
from emulators.servicebus.links import IncomingLink
from emulators.servicebus.queue import Queue
from emulators.servicebus.topic import Topic

_log: Final = logging.getLogger("emulators.servicebus")
_ACCEPTED: Final = Accepted()


class ReplyLink(Link):
    """The client receives answers."""

    def __init__(self, channel: Channel, attach: Attach, node: str) -> None:
        super().__init__(channel, attach)
        self.node = node.lower()
        self.address = attach.target.address if isinstance(attach.target, Target) else None
        self._waiting: deque[bytes] = deque()
        self._sent = 0

    def reply(self, message: bytes) -> None:
        self._waiting.append(message)
        self._send()

    def flow(self, flow: Flow) -> None:
        self.credit = (flow.delivery_count or 0) + (flow.link_credit or 0) - self.delivery_count
        self._send()
        if flow.drain:
            self.delivery_count = self.delivery_count + max(self.credit, 0) & 0xFFFF_FFFF
            self.credit = 0
            self.channel.send(self.channel.flow(self, drain=True))
        elif flow.echo:
            self.channel.send(self.channel.flow(self))

    def _send(self) -> None:
        while self._waiting and self.credit > 0:
            self.credit -= 1
            self.delivery_count = self.delivery_count + 1 & 0xFFFF_FFFF
            self._sent += 1
            self.channel.deliver(self, self._sent.to_bytes(4, "big"), self._waiting.popleft(), settled=True)


class _RequestLink(IncomingLink):
    """The client sends requests to a node."""

    def __init__(self, channel: Channel, attach: Attach, node: str) -> None:
        super().__init__(channel, attach)
        self.node = node.lower()

    def receive(self, transfer: Transfer, message: bytes, size: int) -> None:  # noqa: ARG002 - small as requests are
        try:
            request = Message.decode(message)
        except DecodeError as error:
            self.settle(transfer, Rejected(argument_error(f"The request is not valid: {error}.").to_amqp()))
            return
        self.settle(transfer, _ACCEPTED)
        answer = self.answer(request)
        link = self._reply_link(request.properties.reply_to)
        if answer is None or link is None:
            return
        application_properties, body = answer
        # The id comes back with the type that it had, or the client does not recognise it.
        properties = Properties(correlation_id=request.properties.message_id)
        link.reply(Message(properties=properties, application_properties=application_properties, value=body).encode())

    def answer(self, request: Message) -> tuple[dict[str, Any], Any] | None:
        """The application properties and the body of the answer; None where the connection broke instead."""
        raise NotImplementedError

    def _reply_link(self, reply_to: str | None) -> ReplyLink | None:
        links = [link for link in self.channel.links.values() if isinstance(link, ReplyLink)]
        if reply_to is not None:
            for link in links:
                if link.address == reply_to and link.node == self.node:
                    return link
            for link in links:
                if reply_to in (link.name, link.address):
                    return link
        return next((link for link in links if link.node == self.node), None)


class CbsLink(_RequestLink):
    """Takes every token. Its status is an AMQP int: with any other type .NET asks again forever."""

    def answer(self, request: Message) -> tuple[dict[str, Any], Any] | None:  # noqa: ARG002 - whatever the token
        return {"status-code": Int(202), "status-description": "Accepted"}, None


class ManagementLink(_RequestLink):
    def __init__(self, channel: Channel, attach: Attach, node: str, entity: Queue | Topic) -> None:
        super().__init__(channel, attach, node)
        self._entity = entity

    def answer(self, request: Message) -> tuple[dict[str, Any], Any] | None:
        fault = self.channel.connection.strike("request", self._entity.name)
        if fault is not None and fault.effect is Effect.DROP:
            return None
        try:
            if fault is not None and fault.effect is Effect.REFUSE:
                raise fault.error()
            body = management.perform(self.channel.connection.namespace, self._entity, request)
        except ServiceBusError as error:
            return _status(error.status, error.message, error.condition), None
        if fault is not None and fault.effect is Effect.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if body is None:
            return _status(204, "No Content"), None
        return _status(200, "OK"), body


def _status(code: int, description: str, condition: str | None = None) -> dict[str, Any]:
    status = {"statusCode": Int(code), "statusDescription": description}
    return status if condition is None else {**status, "errorCondition": Symbol(condition)}
