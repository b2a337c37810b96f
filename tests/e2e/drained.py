"""Whether the bus has nothing left to do, and nothing that it has given up."""

import asyncio
from typing import Final

from azure.servicebus import ServiceBusClient, ServiceBusSubQueue

from tests.e2e.parts import Parts
from tests.e2e.stack import eventually

QUEUES: Final = ("commands", "reactions")


async def nothing_is_under_way(running: Parts, *, also_scheduled: bool = True) -> None:
    """Returns once every message was handled; scheduled ones too, unless they may wait."""
    states = ("active", "deferred", "scheduled") if also_scheduled else ("active", "deferred")

    async def waiting() -> dict[str, int]:
        entities = await asyncio.to_thread(running.control, "servicebus", "entities")
        return {name: sum(entities[name][state] for state in states) for name in QUEUES}

    await eventually(dict.fromkeys(QUEUES, 0), waiting)


def dead_letters(running: Parts) -> list[str]:
    """The message ids in the dead letter queues, as the official SDK shows them."""
    found: list[str] = []
    with ServiceBusClient.from_connection_string(running.bus_connection) as client:
        for queue in QUEUES:
            with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
                found += [str(message.message_id) for message in receiver.peek_messages(max_message_count=100)]
    return found
