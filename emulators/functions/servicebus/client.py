"""A client of one namespace: one connection, made when it is needed and again when it broke."""

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from emulators.amqp.performatives import Error
from emulators.amqp.values import Array, Timestamp, UInt
from emulators.functions.servicebus.connection import Connection
from emulators.functions.servicebus.errors import BusError, BusUnavailableError, LockLostError, error_of
from emulators.functions.servicebus.namespace import Namespace
from emulators.functions.servicebus.receiver import Receiver
from emulators.functions.servicebus.requests import Requests
from emulators.functions.servicebus.sender import Sender

_TOKEN_LIFE_S = 3600
_RENEW_TOKEN_S = _TOKEN_LIFE_S / 2
_CONNECT_S = 10.0
_UUID = 0x98


@dataclass
class _Wire:
    """What lives as long as a connection: it, its request links, and when an entity was last authorised."""

    connection: Connection
    requests: dict[str, "asyncio.Task[Requests]"] = field(default_factory=dict)
    authorised: dict[str, tuple[float, "asyncio.Task[None]"]] = field(default_factory=dict)


class ServiceBusClient:
    """Receivers and locks of one namespace. `try_timeout` bounds every exchange, in seconds."""

    def __init__(self, namespace: Namespace, try_timeout: float) -> None:
        self.namespace = namespace
        self._try_timeout = try_timeout
        self._connecting: asyncio.Task[_Wire] | None = None

    async def open_receiver(self, entity: str) -> Receiver:
        """A receiver of a queue or subscription without sessions. Raises BusError."""
        receiver = await self._receiver(entity)
        await receiver.open(self._try_timeout)
        return receiver

    async def accept_next_session(self, entity: str, timeout: float) -> Receiver:
        """A receiver of the next session that has messages and is free.

        Raises NoSessionError if none is in `timeout` seconds, another BusError if the broker refuses or is away.
        """
        receiver = await self._receiver(entity)
        await receiver.accept_next_session(timeout)
        return receiver

    async def open_sender(self, entity: str) -> Sender:
        """A sender to a queue or topic. Raises BusError."""
        wire = await self._wire()
        await self._authorise(wire, entity)
        sender = Sender(wire.connection.session(), entity, self._try_timeout)
        try:
            await sender.open()
        except BaseException:
            sender.close()
            raise
        return sender

    async def renew_session_lock(self, entity: str, session_id: str) -> float:
        """When the lock ends now, in seconds since the epoch. Raises LockLostError, or another BusError."""
        answer = await self._manage(entity, "renew-session-lock", {"session-id": session_id})
        return _seconds(answer.get("expiration"))

    async def renew_message_lock(self, entity: str, lock_token: UUID) -> float:
        """When the lock ends now, in seconds since the epoch. Raises LockLostError, or another BusError."""
        answer = await self._manage(entity, "renew-lock", {"lock-tokens": Array(_UUID, [lock_token])})
        return _seconds(next(iter(answer.get("expirations") or ()), None))

    async def settle_by_token(self, entity: str, lock_token: UUID, *, complete: bool) -> None:
        """Complete or abandon a message whose link is gone. Raises LockLostError, or another BusError."""
        status = "completed" if complete else "abandoned"
        await self._manage(
            entity, "update-disposition", {"disposition-status": status, "lock-tokens": Array(_UUID, [lock_token])}
        )

    async def close(self) -> None:
        """Close the connection; what its links still hold is free again."""
        connecting, self._connecting = self._connecting, None
        if connecting is None:
            return
        if not connecting.done():
            connecting.cancel()
        (wire,) = await asyncio.gather(connecting, return_exceptions=True)
        if isinstance(wire, _Wire):
            tasks = [*wire.requests.values(), *(task for _, task in wire.authorised.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await wire.connection.shut()

    async def _receiver(self, entity: str) -> Receiver:
        wire = await self._wire()
        await self._authorise(wire, entity)
        return Receiver(wire.connection.session(), entity, self._try_timeout)

    async def _wire(self) -> _Wire:
        """The connection in use, or a new one; whoever asks meanwhile waits for the same."""
        connecting = self._connecting
        if connecting is None or (connecting.done() and not _usable(connecting)):
            connecting = self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(connecting)

    async def _connect(self) -> _Wire:
        timeout = min(self._try_timeout, _CONNECT_S)
        return _Wire(await Connection.open(self.namespace.host, self.namespace.port, timeout))

    async def _authorise(self, wire: _Wire, entity: str) -> None:
        """Present a token for an entity, once per connection and again before it expires."""
        now = time.monotonic()
        since, task = wire.authorised.get(entity, (0.0, None))
        if task is None or _failed(task) or now - since > _RENEW_TOKEN_S:
            task = asyncio.create_task(self._put_token(wire, entity))
            wire.authorised[entity] = (now, task)
        await asyncio.shield(task)

    async def _put_token(self, wire: _Wire, entity: str) -> None:
        audience = f"amqp://{self.namespace.host}/{entity}"
        expires = int(time.time()) + _TOKEN_LIFE_S
        cbs = await self._requests(wire, "$cbs")
        answer = await cbs.request(
            {
                "operation": "put-token",
                "type": "servicebus.windows.net:sastoken",
                "name": audience,
                "expiration": Timestamp(expires * 1000),
            },
            shared_access_signature(self.namespace, audience, expires),
        )
        status = answer.application_properties.get("status-code")
        if status not in (200, 202):
            reason = answer.application_properties.get("status-description", "")
            raise BusError("amqp:unauthorized-access", f"the broker refused the token for {entity}: {status} {reason}")

    async def _manage(self, entity: str, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        wire = await self._wire()
        await self._authorise(wire, entity)
        management = await self._requests(wire, f"{entity}/$management")
        answer = await management.request(
            {
                "operation": f"com.microsoft:{operation}",
                "com.microsoft:server-timeout": UInt(round(self._try_timeout * 1000)),
            },
            body,
        )
        properties = answer.application_properties
        status = properties.get("statusCode")
        if status == 200:
            return dict(answer.value or {})
        description = str(properties.get("statusDescription") or f"{operation} of {entity}: status {status}")
        condition = properties.get("errorCondition")
        if condition is not None:
            raise error_of(Error(str(condition), description), description)
        # 410 without a condition is a lost lock to the SDKs, too.
        raise (
            LockLostError("com.microsoft:message-lock-lost", description)
            if status == 410
            else BusUnavailableError(description)
        )

    async def _requests(self, wire: _Wire, node: str) -> Requests:
        opening = wire.requests.get(node)
        if opening is None or _failed(opening) or (opening.done() and not opening.result().live):
            opening = wire.requests[node] = asyncio.create_task(self._open_requests(wire, node))
        return await asyncio.shield(opening)

    async def _open_requests(self, wire: _Wire, node: str) -> Requests:
        requests = Requests(wire.connection.session(), node, min(self._try_timeout, _CONNECT_S))
        await requests.open()
        return requests


def shared_access_signature(namespace: Namespace, audience: str, expires: int) -> str:
    """The token that a shared access key gives for an audience, until a time in seconds since the epoch."""
    resource = quote(audience, safe="")
    signed = hmac.new(namespace.key.encode(), f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(signed), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expires}&skn={namespace.key_name}"


def _seconds(expiration: Any) -> float:
    if not isinstance(expiration, int):
        raise BusUnavailableError("the broker renewed a lock without saying until when")
    return expiration / 1000


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _usable(connecting: "asyncio.Task[_Wire]") -> bool:
    return not _failed(connecting) and connecting.result().connection.connected
