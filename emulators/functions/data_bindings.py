"""Input and output bindings of one host, each by its kind."""

from collections.abc import Mapping

from azure.functions.meta import Datum

from emulators.functions.bindings import Binding
from emulators.functions.cosmos_bindings import CosmosBindings
from emulators.functions.engine import Call
from emulators.functions.servicebus.outputs import ServiceBusOutputs


class HostBindings:
    """Reads from Cosmos DB; writes to Cosmos DB and Service Bus."""

    def __init__(self, cosmos: CosmosBindings, bus: ServiceBusOutputs) -> None:
        self._cosmos = cosmos
        self._bus = bus

    async def read(self, binding: Binding, trigger_metadata: Mapping[str, Datum]) -> Datum:
        return await self._cosmos.read(binding, trigger_metadata)

    async def write(self, binding: Binding, value: Datum, call: Call) -> None:
        if binding.type == "serviceBus":
            await self._bus.write(binding, value, call)
        else:
            await self._cosmos.write(binding, value)
