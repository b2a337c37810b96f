"""`operate dead-letters` over a bus that has given messages up."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.order.events import OrderCancelled
from domain.stock.commands import ReceiveStock
from emulators.cosmos.server import CosmosServer
from emulators.servicebus.config import read_config
from emulators.servicebus.server import ServiceBusServer
from engine.clock import utc_now
from engine.commands.consumer import CommandConsumer
from engine.consuming.parked.port import Failure
from engine.messaging.port import Message, Received, send_all
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS
from engine.messaging.wire import event_message
from engine.services import Services
from operate import dead_letters
from operate.failure import CommandFailed
from tests.engine.contexts import context
from tests.engine.contracts.receiver import Receiver, receiving
from tests.engine.projecting.feeding import stored_event
from tests.registered import CODEC, ENVELOPES, bus_config

STREAM = "stock-mug"


@dataclass(frozen=True)
class Desk:
    environment: Mapping[str, str]
    services: Services
    client: ServiceBusClient

    async def bury_commands(self, *messages: Message) -> None:
        await send_all(self.services.bus, COMMAND_QUEUE, messages)
        async with self.client.get_queue_receiver(COMMAND_QUEUE, session_id=STREAM) as receiver:
            for _ in messages:
                (each,) = await receiver.receive_messages(1, max_wait_time=10)
                await receiver.dead_letter_message(each, "Broken", "it always crashes")

    async def waiting(self, count: int) -> list[str]:
        async with self.client.get_queue_receiver(COMMAND_QUEUE, session_id=STREAM) as receiver:
            return [str(each.message_id) for each in await receiver.receive_messages(count, max_wait_time=10)]


@pytest.fixture
async def webhook() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    entities = read_config(bus_config(tmp_path))
    async with CosmosServer.start(port=0) as cosmos, ServiceBusServer.start(entities) as bus:
        environment = {
            "COSMOS": cosmos.connection_string,
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS": bus.connection_string,
        }
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        client = ServiceBusClient.from_connection_string(bus.connection_string)
        async with build(settings) as services, client:
            yield Desk(environment, services, client)


def command(key: str) -> Message:
    return ENVELOPES.command_message(context(key).to(STREAM, ReceiveStock("mug", 1)))


async def test_dead_commands_are_listed_shown_and_sent_again_in_order(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.bury_commands(command("c-1"), command("c-2"))
    await dead_letters.list_all(desk.environment, None, as_json=True)
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (COMMAND_QUEUE, "c-1", STREAM, "ReceiveStock", "Broken") == tuple(
        first[name] for name in ("entity", "messageId", "session", "subject", "reason")
    )
    await dead_letters.show(desk.environment, COMMAND_QUEUE, second["number"], as_json=True)
    assert "c-2" == json.loads(capsys.readouterr().out)["body"]["commandId"]

    await dead_letters.redrive(desk.environment, COMMAND_QUEUE, as_json=True)
    told = capsys.readouterr()
    assert {"entity": COMMAND_QUEUE, "redriven": 2} == json.loads(told.out)
    assert "2 of 2" in told.err
    assert [f"c-1~{first['number']}", f"c-2~{second['number']}"] == await desk.waiting(2)
    await dead_letters.list_all(desk.environment, COMMAND_QUEUE, as_json=True)
    assert "" == capsys.readouterr().out


async def test_what_is_parked_goes_first(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.bury_commands(command("c-2"))
    failure = Failure("ValueError: a defect", "Traceback …", 5, utc_now())
    await desk.services.parked.park(COMMAND_QUEUE, Received("c-1", STREAM, 1, command("c-1").body), failure)
    await dead_letters.redrive(desk.environment, COMMAND_QUEUE, as_json=True)
    assert ["parked: c-1 handled", "1 of 1: c-2"] == capsys.readouterr().err.splitlines()
    (received,) = await desk.services.commands.store.read(STREAM)
    assert "c-1" == received.command_id


async def test_no_dead_letter_goes_out_before_what_is_still_parked(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.bury_commands(command("c-2"))
    failure = Failure("ValueError: a defect", "Traceback …", 5, utc_now())
    await desk.services.parked.park(COMMAND_QUEUE, Received("c-1", STREAM, 1, command("c-1").body), failure)

    async def still_broken(*_: object) -> None:
        raise ValueError("still a defect")

    monkeypatch.setattr(CommandConsumer, "handle", still_broken)
    with pytest.raises(CommandFailed, match="still a defect"):
        await dead_letters.redrive(desk.environment, COMMAND_QUEUE, as_json=True)
    capsys.readouterr()
    await dead_letters.list_all(desk.environment, COMMAND_QUEUE, as_json=True)
    assert "c-2" == json.loads(capsys.readouterr().out)["messageId"]


async def test_those_of_a_subscription_are_handled_here_and_never_sent_to_the_topic(
    desk: Desk, webhook: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {**desk.environment, "NOTIFICATIONS_WEBHOOK": webhook.url, "NOTIFICATIONS_SECRET": "s"}
    event = stored_event(CODEC, "order-o-1", 1, OrderCancelled("o-1", "c-1", "changed my mind"))
    await desk.services.bus.send(
        EVENT_TOPIC, [event_message(event, message_id="e-1", session_id="order-o-1", vocabulary=1)]
    )
    async with desk.client.get_subscription_receiver(EVENT_TOPIC, NOTIFICATION_QUEUE) as receiver:
        (each,) = await receiver.receive_messages(1, max_wait_time=10)
        await receiver.dead_letter_message(each, "Broken", "it always crashes")
        with pytest.raises(CommandFailed, match="NOTIFICATIONS_WEBHOOK is not set here"):
            await dead_letters.redrive(desk.environment, NOTIFICATIONS_OF_EVENTS, as_json=True)
        await dead_letters.redrive(environment, NOTIFICATIONS_OF_EVENTS, as_json=True)
        assert {"entity": NOTIFICATIONS_OF_EVENTS, "redriven": 1} == json.loads(capsys.readouterr().out)
        assert [event.metadata.event_id] == [headers["X-Event-Id"] for headers, _ in webhook.came]
        assert [] == await receiver.peek_messages(10)


async def test_what_is_not_there_is_named_with_what_is(desk: Desk) -> None:
    with pytest.raises(CommandFailed, match="no entity 'orders'; there are commands, reactions"):
        await dead_letters.redrive(desk.environment, "orders", as_json=False)
    with pytest.raises(CommandFailed, match="commands has no dead letter 7"):
        await dead_letters.show(desk.environment, COMMAND_QUEUE, 7, as_json=False)
