"""The queues, topics and subscriptions of this project, as its local Service Bus has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from emulators.servicebus.config import QueueSettings, read_config
from emulators.servicebus.rules import CorrelationFilter
from emulators.tests.functions.processes import Service
from emulators.tests.servicebus.raw import RawClient
from tests.registered import bus_config


def test_our_entities_are_those_of_the_service(tmp_path: Path) -> None:
    settings = read_config(bus_config(tmp_path))
    five_minutes, half_a_minute = timedelta(minutes=5), timedelta(seconds=30)
    assert settings.queues == tuple(
        QueueSettings(name, half_a_minute, 10, requires_session=sessions, duplicate_detection_window=five_minutes)
        for name, sessions in (("commands", True), ("reactions", True), ("notifications", False))
    )
    (events,) = settings.topics
    (notifications,) = events.subscriptions
    assert (events.name, events.duplicate_detection_window) == ("events", five_minutes)
    assert notifications.queue == QueueSettings("events/Subscriptions/notifications", half_a_minute, 10)
    assert [rule.filter for rule in notifications.rules] == [
        CorrelationFilter({"label": label}) for label in ("OrderConfirmed", "OrderShipped", "OrderCancelled")
    ]


async def test_the_local_bus_has_them_without_being_told() -> None:
    with running("servicebus", "--port", "0", "--ephemeral") as bus:
        port = int(bus.says(r"servicebus ready at amqp://localhost:(\d+)")[0][1])
        async with RawClient.to(port) as client:
            for handle, entity in enumerate(("commands", "reactions", "events")):
                await client.sender(entity, handle=handle)
            await client.receiver("events/Subscriptions/notifications", handle=3)


@contextmanager
def running(*arguments: str) -> Iterator[Service]:
    """`python -m devstack` with these arguments, for the length of a block."""
    service = Service("devstack", *arguments)
    try:
        yield service
    finally:
        service.close()
