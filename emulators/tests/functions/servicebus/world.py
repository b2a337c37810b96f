"""A broker, and hosts with functions that listen to it."""

import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func

from emulators.amqp.message import Message
from emulators.functions.indexing import Function
from emulators.functions.invocation import DataBindings, Invoker
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.options import RetryOptions, ServiceBusOptions
from emulators.functions.servicebus.trigger import ServiceBusTriggerListener, ServiceBusTriggerOptions
from emulators.servicebus.config import NamespaceSettings, parse_config
from emulators.servicebus.control import entities
from emulators.servicebus.server import ServiceBusServer, connection_string
from emulators.tests.functions.apps import Screen, only_function, running_invoker
from emulators.tests.functions.servicebus.sending import sending

# A session is given back after 50 ms; a broker that is away is asked again after 20 to 100 ms.
QUICK = ServiceBusOptions(
    session_idle_timeout=0.05,
    max_concurrent_calls=4,
    retry=RetryOptions(try_timeout=5.0, delay=0.02, max_delay=0.1),
)


@dataclass
class Seen:
    """One message as a function saw it."""

    host: int
    message: func.ServiceBusMessage
    retry_count: int = 0
    trace_parent: str = ""

    @property
    def body(self) -> str:
        return self.message.get_body().decode()

    @property
    def session(self) -> str | None:
        return self.message.session_id


@dataclass
class Recorder:
    """Functions that record what they see; `behave` decides how a call ends."""

    seen: list[Seen] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    behave: Callable[[Seen], None] | None = None
    running: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bodies(self) -> list[str]:
        return [each.body for each in self.seen]

    def of(self, session: str) -> list[str]:
        """The bodies of a session in their order."""
        return [each.body for each in self.seen if each.session == session]

    def app(
        self,
        queue: str = "plain",
        *,
        subscription: tuple[str, str] | None = None,
        retry: dict[str, Any] | None = None,
        host: int = 1,
        **trigger: Any,
    ) -> func.FunctionApp:
        app = func.FunctionApp()

        def handle(message: func.ServiceBusMessage, context: func.Context) -> None:
            self.take(Seen(host, message, context.retry_context.retry_count, str(context.trace_context.trace_parent)))

        wanted: dict[str, Any] = {"connection": "BUS", "data_type": func.DataType.BINARY, **trigger}
        decorated: Any = handle if retry is None else app.retry(**retry)(handle)
        if subscription is not None:
            topic, name = subscription
            app.service_bus_topic_trigger("message", topic_name=topic, subscription_name=name, **wanted)(decorated)
        else:
            app.service_bus_queue_trigger("message", queue_name=queue, **wanted)(decorated)
        return app

    def batch_app(self, queue: str = "plain", **trigger: Any) -> func.FunctionApp:
        app = func.FunctionApp()

        def handle(messages: list[func.ServiceBusMessage]) -> None:
            self.batches.append([each.get_body().decode() for each in messages])
            for each in messages:
                self.take(Seen(1, each))

        handle.__annotations__["messages"] = _list_of_messages()
        wanted: dict[str, Any] = {"connection": "BUS", "data_type": func.DataType.BINARY, **trigger}
        app.service_bus_queue_trigger("messages", queue_name=queue, cardinality="many", **wanted)(handle)
        return app

    def take(self, seen: Seen) -> None:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.seen.append(seen)
        try:
            if self.behave is not None:
                self.behave(seen)
        finally:
            with self._lock:
                self.running -= 1


def _list_of_messages() -> Any:
    from typing import List  # noqa: UP035 - the worker knows no other generic

    return List[func.ServiceBusMessage]  # noqa: UP006


@dataclass
class World:
    """A broker and one screen for all hosts."""

    port: int
    server: ServiceBusServer | None = None
    screen: Screen = field(default_factory=Screen)
    data: DataBindings | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"BUS": connection_string(self.port)}

    async def send(self, entity: str, *messages: Message) -> None:
        async with sending(self.port, entity) as sender:
            await sender.send(messages)

    def counts(self, entity: str) -> dict[str, int]:
        """How many messages of which state an entity holds."""
        assert self.server is not None
        return entities(self.server)[entity]

    @asynccontextmanager
    async def listening(
        self, *apps: func.FunctionApp, options: ServiceBusOptions = QUICK, hurry: float = 1.0
    ) -> AsyncIterator[list["Host"]]:
        """A host for every app, until the block ends."""
        async with AsyncExitStack() as stack:
            hosts = [Host(self, app, options, hurry) for app in apps]
            for host in hosts:
                await host.start(stack)
            yield hosts


class Host:
    """One function on one host with a connection of its own."""

    def __init__(self, world: World, app: func.FunctionApp, options: ServiceBusOptions, hurry: float) -> None:
        self._world = world
        self.function: Function = only_function(app, world.environment)
        assert self.function.problem is None
        self.options = ServiceBusTriggerOptions.from_binding(self.function.trigger, world.environment, options)
        self.clients = ServiceBusClients(options.retry.try_timeout)
        self.hurry = hurry
        self.invoker: Invoker | None = None

    async def start(self, stack: AsyncExitStack) -> None:
        self.invoker = await stack.enter_async_context(running_invoker(self._world.screen, data=self._world.data))
        client = self.clients.of(self.options.namespace)
        self.listener = ServiceBusTriggerListener(
            self.function, self.options, client, self.invoker, self._world.screen, hurry=self.hurry
        )
        await self.listener.start()
        stack.push_async_callback(self.stop)

    async def stop(self) -> None:
        await self.listener.stop()
        await self.clients.close()


def namespace(**changes: Any) -> NamespaceSettings:
    """Queues `plain` and `sessions`, topic `events` with subscriptions `all` and `ordered`; locks of 5 s."""
    line = {"LockDuration": "PT5S", "MaxDeliveryCount": 3, **changes}
    config = {
        "UserConfig": {
            "Namespaces": [
                {
                    "Name": "sbemulatorns",
                    "Queues": [
                        {"Name": "plain", "Properties": line},
                        {"Name": "sessions", "Properties": {**line, "RequiresSession": True}},
                    ],
                    "Topics": [
                        {
                            "Name": "events",
                            "Properties": {},
                            "Subscriptions": [
                                {"Name": "all", "Properties": line, "Rules": []},
                                {"Name": "ordered", "Properties": {**line, "RequiresSession": True}, "Rules": []},
                            ],
                        }
                    ],
                }
            ],
            "Logging": {"Type": "File"},
        }
    }
    return parse_config(json.dumps(config))


@asynccontextmanager
async def running_world(settings: NamespaceSettings | None = None) -> AsyncIterator[World]:
    async with ServiceBusServer.start(settings or namespace()) as server:
        yield World(server.port, server)
