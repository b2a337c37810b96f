"""The clients of one host: its triggers and its outputs share the connection to a namespace."""

import asyncio

from emulators.functions.servicebus.client import ServiceBusClient
from emulators.functions.servicebus.namespace import Namespace


class ServiceBusClients:
    """One client, and so one connection, for every namespace."""

    def __init__(self, try_timeout: float) -> None:
        self._try_timeout = try_timeout
        self._clients: dict[Namespace, ServiceBusClient] = {}

    def of(self, namespace: Namespace) -> ServiceBusClient:
        if namespace not in self._clients:
            self._clients[namespace] = ServiceBusClient(namespace, self._try_timeout)
        return self._clients[namespace]

    async def close(self) -> None:
        """Close the connections: what was received and not settled is free for other hosts."""
        await asyncio.gather(*(client.close() for client in self._clients.values()))
