"""Output bindings of Service Bus: what a function gives becomes messages, as the host and the extension make them."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from azure.functions.meta import Datum

from emulators.amqp.message import Message
from emulators.amqp.performatives import Properties
from emulators.functions.binding_expressions import evaluate
from emulators.functions.bindings import Binding, BindingError, text
from emulators.functions.engine import Call
from emulators.functions.json_values import parse
from emulators.functions.rewriting import rewrite
from emulators.functions.servicebus.binding_data import said
from emulators.functions.servicebus.client import ServiceBusClient
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.errors import BusError, BusUnavailableError
from emulators.functions.servicebus.namespace import Namespace, namespace_of
from emulators.functions.servicebus.options import RetryOptions
from emulators.functions.servicebus.sender import Sender
from emulators.functions.settings import resolve

# The extension sends bytes, whatever the function gave, and says who sent them.
_CONTENT_TYPE = "application/octet-stream"
_PARENT = "$AzureWebJobsParentId"
_BUSY = "com.microsoft:server-busy"


class ServiceBusOutputs:
    """Sends for the functions of one host, over the connections of its triggers; one link for every entity."""

    def __init__(self, clients: ServiceBusClients, environment: Mapping[str, str], retry: RetryOptions) -> None:
        self._clients = clients
        self._environment = environment
        self._retry = retry
        self._senders: dict[tuple[Namespace, str], asyncio.Task[Sender]] = {}

    async def write(self, binding: Binding, value: Datum, call: Call) -> None:
        """Send what a function gave to an output, message after message.

        Raises BindingError, SettingMissingError, ConnectionStringError or BusError if one cannot be sent; those before
        it are.
        """
        entity = evaluate(entity_of(binding), call.trigger_metadata)
        connection = resolve(text(binding, "connection", "ServiceBus"), self._environment)
        namespace = namespace_of(connection, self._environment)
        for body in bodies_of(binding, value):
            message = Message(
                properties=Properties(content_type=_CONTENT_TYPE),
                application_properties={_PARENT: call.invocation_id},
                data=body,
            )
            await self._send(namespace, entity, message.encode())

    async def _send(self, namespace: Namespace, entity: str, message: bytes) -> None:
        """Try again what the broker was away for, as the SDK does: a message may come twice."""
        for attempt in range(self._retry.max_retries + 1):
            try:
                await (await self._sender(namespace, entity)).send(message)
                return
            except BusError as error:
                passing = isinstance(error, BusUnavailableError) or error.condition == _BUSY
                if not passing or attempt == self._retry.max_retries:
                    raise
                growth = 2.0**attempt if self._retry.exponential else 1.0
                await asyncio.sleep(min(self._retry.delay * growth, self._retry.max_delay))

    async def _sender(self, namespace: Namespace, entity: str) -> Sender:
        place = (namespace, entity.lower())
        opening = self._senders.get(place)
        if opening is None or _useless(opening):
            client: ServiceBusClient = self._clients.of(namespace)
            opening = self._senders[place] = asyncio.create_task(client.open_sender(entity))
        return await asyncio.shield(opening)


def _useless(opening: "asyncio.Task[Sender]") -> bool:
    if not opening.done():
        return False
    return opening.cancelled() or opening.exception() is not None or not opening.result().live


def entity_of(binding: Binding) -> str:
    """The queue or topic. Raises BindingError unless the binding names one of them."""
    names = [name for name in ("queueName", "topicName") if name in binding.fields]
    if len(names) != 1:
        raise BindingError(f"serviceBus '{binding.name}' needs either queueName or topicName")
    return text(binding, names[0])


def bodies_of(binding: Binding, value: Datum) -> Iterator[bytes]:
    """The body of each message that a value stands for, as the host takes it apart.

    Bytes are one message. A text that looks like JSON is read as JSON: an array is a message for each of its elements,
    and what is read is written anew, indented and with its dates in Json.NET's form. Raises BindingError for a text
    that only looks like JSON.
    """
    if value.type == "bytes":
        yield bytes(value.value)
    elif value.type == "json":
        yield from _elements(json.loads(value.value), as_read=True)
    elif value.type == "string" and _looks_like_json(value.value):
        try:
            content = parse(value.value)
        except ValueError as error:
            raise BindingError(f"serviceBus '{binding.name}': not JSON, though it looks like it: {error}") from error
        yield from _elements(content, as_read=False)
    elif value.type is not None:
        yield str(value.value).encode()


def _looks_like_json(content: str) -> bool:
    return content.strip()[:1] + content.strip()[-1:] in ("{}", "[]")


def _elements(content: Any, *, as_read: bool) -> Iterator[bytes]:
    for each in content if isinstance(content, list) else [content]:
        if isinstance(each, dict | list):
            yield json.dumps(each if as_read else rewrite(each), indent=2, ensure_ascii=False).encode()
        elif each is None:
            yield b""
        else:
            yield (each if as_read and isinstance(each, str) else said(each)).encode()
