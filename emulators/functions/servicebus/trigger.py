"""The Service Bus trigger: what a binding says, and the listener that drives a function by it."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from azure.functions.meta import Datum

from emulators.functions.bindings import Binding, BindingError, flag, number, text
from emulators.functions.console import Console
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker
from emulators.functions.servicebus.batches import BatchProcessor
from emulators.functions.servicebus.binding_data import BindingData, DataType
from emulators.functions.servicebus.client import ServiceBusClient
from emulators.functions.servicebus.dispatch import Dispatcher
from emulators.functions.servicebus.message import ReceivedMessage
from emulators.functions.servicebus.namespace import ConnectionStringError, Namespace, namespace_of
from emulators.functions.servicebus.options import ServiceBusOptions
from emulators.functions.servicebus.processors import MessageProcessor, Processor, SessionProcessor, Work
from emulators.functions.settings import SettingMissingError, resolve


@dataclass(frozen=True)
class ServiceBusTriggerOptions:
    """A `serviceBusTrigger` binding under the options of host.json. `entity` is a queue, or a subscription's path."""

    namespace: Namespace
    entity: str
    sessions: bool
    many: bool
    data_type: DataType
    host: ServiceBusOptions

    @staticmethod
    def from_binding(
        binding: Binding, environment: Mapping[str, str], host: ServiceBusOptions
    ) -> "ServiceBusTriggerOptions":
        """Raises BindingError for settings that the extension refuses or this host does not support."""
        try:
            connection = resolve(text(binding, "connection", "ServiceBus"), environment)
            namespace = namespace_of(connection, environment)
        except (SettingMissingError, ConnectionStringError) as error:
            raise BindingError(str(error)) from error
        return ServiceBusTriggerOptions(
            namespace=namespace,
            entity=_entity(binding),
            sessions=flag(binding, "isSessionsEnabled"),
            many=_many(binding),
            data_type=_data_type(binding),
            host=replace(
                host,
                auto_complete=(
                    flag(binding, "autoCompleteMessages")
                    if "autoCompleteMessages" in binding.fields
                    else host.auto_complete
                ),
                max_batch_size=number(binding, "maxMessageBatchSize", host.max_batch_size),
            ),
        )


def _entity(binding: Binding) -> str:
    queue, topic = "queueName" in binding.fields, "topicName" in binding.fields
    if queue == topic:
        raise BindingError(
            f"serviceBusTrigger '{binding.name}' needs either queueName, or topicName and subscriptionName"
        )
    if queue:
        return text(binding, "queueName")
    return f"{text(binding, 'topicName')}/Subscriptions/{text(binding, 'subscriptionName')}"


def _many(binding: Binding) -> bool:
    return str(binding.fields.get("cardinality", "ONE")).upper() == "MANY"


def _data_type(binding: Binding) -> DataType:
    try:
        return DataType((binding.data_type or "UNDEFINED").upper())
    except ValueError:
        raise BindingError(
            f"serviceBusTrigger '{binding.name}': dataType {binding.data_type} is not supported by devstack, only "
            "STRING and BINARY"
        ) from None


def call_by_hand(binding: Binding, body: str) -> Call:
    """What a function is given when it is started by hand: one message that no broker has seen.

    Raises BindingError, or ConversionError for a body that is not what the binding asks for.
    """
    data = BindingData(binding.name, _data_type(binding), "", "")
    message = ReceivedMessage(body.encode())
    inputs, metadata = data.batch([message], None) if _many(binding) else data.single(message, None)
    return Call(inputs, {**metadata, binding.name: Datum(body, "string")})


class ServiceBusTriggerListener:
    """Drives one function from its queue or subscription. A broker that is away is waited for, in the background."""

    def __init__(
        self,
        function: Function,
        options: ServiceBusTriggerOptions,
        client: ServiceBusClient,
        invoker: Invoker,
        console: Console,
        *,
        hurry: float,
    ) -> None:
        self._function = function
        self._console = console
        self._halt = asyncio.Event()
        hurried = options.host.hurried(hurry)
        identifier = f"{options.namespace.host}-{uuid.uuid4()}"
        dispatcher = Dispatcher(
            function,
            BindingData(function.trigger.name, options.data_type, options.namespace.host, identifier),
            client,
            invoker,
            console,
            auto_complete=hurried.auto_complete,
            max_lock_renewal=hurried.max_lock_renewal,
            hurry=hurry,
            halt=self._halt,
        )
        work = Work(function.name, options.entity, options.sessions, client, dispatcher, hurried, console)
        self._processor = _processor(work, options)

    async def start(self) -> None:
        """Begin to receive; nothing is waited for."""
        if self._function.retry is not None:
            self._console.line(f"Soon retries will not be supported for function '{self._function.name}'.")
        self._processor.start()

    async def stop(self) -> None:
        """Let running invocations end, settle them, and give back everything else."""
        self._halt.set()
        await self._processor.stop()


def _processor(work: Work, options: ServiceBusTriggerOptions) -> Processor:
    if options.many:
        return BatchProcessor(work)
    return SessionProcessor(work) if options.sessions else MessageProcessor(work)
