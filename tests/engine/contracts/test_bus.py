"""What every bus promises to those who send, and to those who look at what is dead."""

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import pytest
from azure.servicebus.aio import ServiceBusClient

from emulators.servicebus.config import parse_config
from emulators.servicebus.faults import Effect, Fault
from emulators.servicebus.server import ServiceBusServer
from engine.errors import AccessRefused, Throttled, Unavailable
from engine.messaging.emulator_config import emulator_config
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Bus, DeadLetter, DeadLetters, Message, MessageTooLarge, Received, send_all
from engine.messaging.servicebus_client import connected
from engine.messaging.topology import (
    COMMAND_QUEUE,
    NOTIFICATION_QUEUE,
    NOTIFICATIONS_OF_EVENTS,
    REACTION_QUEUE,
    topology,
)
from engine.settings import ServiceBusConnection
from engine.telemetry import metrics
from engine.telemetry.instruments import MESSAGES_SENT
from engine.telemetry.metrics import Measurement
from engine.telemetry.spans import Attributes
from tests.engine.contracts.connections import NOBODYS_BUS

CONFIG: Final = parse_config(json.dumps(emulator_config(topology(("GuestLeft",)))))
ENTITIES: Final = frozenset({COMMAND_QUEUE, REACTION_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS})
AT_ONCE: Final = 500


class Both(Bus, DeadLetters, Protocol):
    """One adapter keeps both promises."""


@dataclass(frozen=True)
class Buses:
    """`session` gives what waits in a session of `commands`, `bury` makes a dead letter of what waits in an entity."""

    bus: Both
    session: Callable[[str, int], Awaitable[list[tuple[str, bytes]]]]
    bury: Callable[[str, int], Awaitable[None]]
    server: ServiceBusServer | None


def message(number: int, session: str | None = "guest-1", body: bytes = b'{"a":"\xc3\xbc"}') -> Message:
    return Message(
        f"id-{number}", session, "DismissGuest", body, "correlation", {"traceparent": "00-trace", "schema": 1}
    )


def _memory() -> Buses:
    bus = MemoryBus(ENTITIES)

    async def session(session_id: str, _: int) -> list[tuple[str, bytes]]:
        return [(each.message_id, each.body) for each in bus.deliver(COMMAND_QUEUE) if each.session_id == session_id]

    async def bury(entity: str, _: int) -> None:
        for each in bus.deliver(entity):
            bus.bury(entity, each, "Broken", "it always crashes")

    return Buses(bus, session, bury, None)


@asynccontextmanager
async def _devstack() -> AsyncIterator[Buses]:
    async with ServiceBusServer.start(CONFIG) as server:
        client = ServiceBusClient.from_connection_string(server.connection_string)
        async with client, connected(ServiceBusConnection(server.connection_string)) as bus:

            async def session(session_id: str, count: int) -> list[tuple[str, bytes]]:
                got: list[tuple[str, bytes]] = []
                async with client.get_queue_receiver(COMMAND_QUEUE, session_id=session_id) as receiver:
                    while len(got) < count:
                        for each in await receiver.receive_messages(count - len(got), max_wait_time=10):
                            got.append((str(each.message_id), b"".join(each.body)))
                            await receiver.complete_message(each)
                return got

            async def bury(entity: str, count: int) -> None:
                session_id = None if entity == NOTIFICATION_QUEUE else "guest-1"
                async with client.get_queue_receiver(entity, session_id=session_id) as receiver:
                    for _ in range(count):
                        (each,) = await receiver.receive_messages(1, max_wait_time=10)
                        await receiver.dead_letter_message(each, "Broken", "it always crashes")

            yield Buses(bus, session, bury, server)


@pytest.fixture(params=["memory", "devstack"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[Buses]:
    if request.param == "memory":
        yield _memory()
    else:
        async with _devstack() as buses:
            yield buses


class TestSending:
    async def test_a_session_gets_what_was_sent_in_its_order_and_to_the_byte(self, buses: Buses) -> None:
        await send_all(buses.bus, COMMAND_QUEUE, [message(1), message(2, "guest-2"), message(3)])
        await buses.bus.send(COMMAND_QUEUE, [message(4)])
        expected = [(f"id-{number}", b'{"a":"\xc3\xbc"}') for number in (1, 3, 4)]
        assert expected == await buses.session("guest-1", 3)

    async def test_more_than_one_batch_of_the_wire_keeps_its_order(self, buses: Buses) -> None:
        many = [message(number, body=b"x" * 2_000) for number in range(AT_ONCE)]
        await send_all(buses.bus, COMMAND_QUEUE, many)
        assert [each.message_id for each in many] == [id_ for id_, _ in await buses.session("guest-1", AT_ONCE)]

    async def test_calls_at_the_same_time_do_not_mix(self, buses: Buses) -> None:
        calls = [[message(10 * call + n) for n in range(5)] for call in range(4)]
        await asyncio.gather(*(buses.bus.send(COMMAND_QUEUE, each) for each in calls))
        got = [id_ for id_, _ in await buses.session("guest-1", 20)]
        assert [[each.message_id for each in call] for call in calls] == [got[at : at + 5] for at in range(0, 20, 5)]

    async def test_a_message_that_never_fits_is_refused_for_good(self, buses: Buses) -> None:
        with pytest.raises(MessageTooLarge, match="commands"):
            await send_all(buses.bus, COMMAND_QUEUE, [message(1), message(2, body=b"x" * 1_100_000)])
        await buses.bus.send(COMMAND_QUEUE, [message(3)])
        assert ["id-1", "id-3"] == [id_ for id_, _ in await buses.session("guest-1", 2)]

    async def test_an_entity_that_is_missing_is_named(self, buses: Buses) -> None:
        with pytest.raises(AccessRefused, match="nowhere"):
            await buses.bus.send("nowhere", [message(1)])
        with pytest.raises(AccessRefused, match="nowhere"):
            await buses.bus.dead_letters("nowhere", 0, 1)


class TestTheWire:
    """What only a broker can do wrong."""

    @pytest.fixture(autouse=True)
    def without_what_the_sdk_leaves_open(self) -> Iterator[None]:
        """The SDK (7.15) does not close the socket of a connection that broke or never came about: they are collected
        here, where their warnings are expected."""
        yield
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    @pytest.fixture
    async def wired(self) -> AsyncIterator[tuple[Buses, ServiceBusServer]]:
        async with _devstack() as buses:
            assert buses.server is not None
            yield buses, buses.server

    @pytest.fixture
    def recorded(self) -> Iterator[list[tuple[str, float, Attributes]]]:
        kept: list[tuple[str, float, Attributes]] = []

        def take(measurement: Measurement) -> None:
            instrument, value, attributes = measurement
            kept.append((instrument.name, value, attributes))

        metrics.use(take)
        yield kept
        metrics.use(None)

    async def test_a_scheduled_message_comes_when_it_is_due(self, wired: tuple[Buses, ServiceBusServer]) -> None:
        buses, server = wired
        server.freeze()
        due = datetime.fromtimestamp(server.clock.now(), UTC) + timedelta(hours=1)
        later = Message("later", "guest-1", "DismissGuest", b"{}", "correlation", due=due)
        await send_all(buses.bus, COMMAND_QUEUE, [later, message(1)])
        assert ["id-1"] == [id_ for id_, _ in await buses.session("guest-1", 1)]
        server.advance(3601)
        assert ["later"] == [id_ for id_, _ in await buses.session("guest-1", 1)]

    async def test_a_connection_lost_while_sending_is_told_or_mended_and_the_next_call_works(
        self, wired: tuple[Buses, ServiceBusServer]
    ) -> None:
        buses, server = wired
        await buses.bus.send(COMMAND_QUEUE, [message(1)])
        server.faults.add(Fault(Effect.DROP, kinds=frozenset({"send"}), times=None))
        with pytest.raises(Unavailable, match="no answer from Service Bus for commands"):
            await buses.bus.send(COMMAND_QUEUE, [message(2)])
        server.faults.clear()
        await buses.bus.send(COMMAND_QUEUE, [message(2)])
        assert ["id-1", "id-2"] == [id_ for id_, _ in await buses.session("guest-1", 2)]

    async def test_a_throttled_bus_is_told_and_takes_the_message_later(
        self, wired: tuple[Buses, ServiceBusServer]
    ) -> None:
        buses, server = wired
        # The SDK tries once more by itself.
        server.faults.add(Fault(Effect.REFUSE, "com.microsoft:server-busy", frozenset({"send"}), times=2))
        with pytest.raises(Throttled, match="too busy for commands") as throttled:
            await buses.bus.send(COMMAND_QUEUE, [message(1)])
        assert 2.0 == throttled.value.retry_after
        await buses.bus.send(COMMAND_QUEUE, [message(1)])
        assert ["id-1"] == [id_ for id_, _ in await buses.session("guest-1", 1)]

    async def test_a_partitioned_entity_gets_one_session_at_a_time_once_it_has_refused_several(
        self, wired: tuple[Buses, ServiceBusServer]
    ) -> None:
        """The broker has no partitions, so a fault refuses as Azure does."""
        buses, server = wired
        server.faults.add(Fault(Effect.REFUSE, "amqp:not-allowed", frozenset({"send"}), times=None))
        with pytest.raises(Unavailable):
            await buses.bus.send(COMMAND_QUEUE, [message(1), message(2)])
        server.faults.clear()
        server.faults.add(Fault(Effect.REFUSE, "amqp:not-allowed", frozenset({"send"})))
        one, two, three, four = message(1), message(2, "guest-2"), message(3), message(4, "guest-3")
        assert [one, three] == await buses.bus.send(COMMAND_QUEUE, [one, two, three, four])
        await send_all(buses.bus, COMMAND_QUEUE, [two, four])
        assert 1 == server.faults.struck()
        assert [one, two] == await buses.bus.send(REACTION_QUEUE, [one, two])
        for session, ids in (("guest-1", ["id-1", "id-3"]), ("guest-2", ["id-2"]), ("guest-3", ["id-4"])):
            assert ids == [id_ for id_, _ in await buses.session(session, len(ids))]

    async def test_what_it_accepts_is_counted_for_whom_it_was_sent(
        self, wired: tuple[Buses, ServiceBusServer], recorded: list[tuple[str, float, Attributes]]
    ) -> None:
        buses, _ = wired
        with metrics.on_behalf_of("consumer relay"):
            await send_all(buses.bus, COMMAND_QUEUE, [message(1), message(2)])
            await buses.bus.send(COMMAND_QUEUE, [])
        with pytest.raises(AccessRefused):
            await buses.bus.send("nowhere", [message(3)])
        sent = [(count, dict(attributes)) for name, count, attributes in recorded if name == MESSAGES_SENT.name]
        assert sent == [(2, {"messaging.destination.name": COMMAND_QUEUE, "work": "consumer relay"})]

    async def test_what_was_opened_at_once_needs_no_opening_when_something_is_sent(self) -> None:
        async with (
            ServiceBusServer.start(CONFIG) as server,
            connected(ServiceBusConnection(server.connection_string)) as bus,
        ):
            await bus.open([COMMAND_QUEUE, "nowhere", REACTION_QUEUE])
            server.faults.add(Fault(Effect.REFUSE, kinds=frozenset({"attach"}), times=None))
            for entity in (COMMAND_QUEUE, REACTION_QUEUE):
                assert [message(1)] == await bus.send(entity, [message(1)])
            assert 0 == server.faults.struck()

    async def test_a_bus_that_is_away_is_told(self) -> None:
        async with connected(NOBODYS_BUS) as bus:
            with pytest.raises(Unavailable):
                await bus.send(COMMAND_QUEUE, [message(1)])
            with pytest.raises(Unavailable):
                await bus.dead_letters(COMMAND_QUEUE, 0, 1)


class TestDeadLetters:
    @pytest.fixture
    async def dead(self, buses: Buses) -> Sequence[DeadLetter]:
        await send_all(buses.bus, COMMAND_QUEUE, [message(number) for number in (1, 2, 3)])
        await buses.bury(COMMAND_QUEUE, 3)
        return await buses.bus.dead_letters(COMMAND_QUEUE, 0, 10)

    async def test_none_at_first(self, buses: Buses) -> None:
        for entity in ENTITIES:
            assert [] == list(await buses.bus.dead_letters(entity, 0, 10))

    async def test_they_are_seen_whole_and_in_order(self, buses: Buses, dead: Sequence[DeadLetter]) -> None:
        assert ["id-1", "id-2", "id-3"] == [each.message.message_id for each in dead]
        first = dead[0]
        properties: dict[str, str | int] = {"traceparent": "00-trace", "schema": 1}
        number = first.message.sequence_number
        assert Received("id-1", "guest-1", number, b'{"a":"\xc3\xbc"}', properties) == first.message
        assert ("DismissGuest", "correlation") == (first.subject, first.correlation_id)
        assert ("Broken", "it always crashes") == (first.reason, first.description)
        assert datetime.now(UTC) - first.enqueued_at < timedelta(minutes=1)

    async def test_they_are_seen_page_by_page_and_stay(self, buses: Buses, dead: Sequence[DeadLetter]) -> None:
        page = await buses.bus.dead_letters(COMMAND_QUEUE, 0, 2)
        assert list(dead[:2]) == list(page)
        assert list(dead[2:]) == list(await buses.bus.dead_letters(COMMAND_QUEUE, page[-1].message.sequence_number, 2))
        assert [] == list(await buses.bus.dead_letters(COMMAND_QUEUE, dead[-1].message.sequence_number, 2))

    async def test_they_are_gone_once_they_were_handled(self, buses: Buses, dead: Sequence[DeadLetter]) -> None:
        handled: list[str] = []

        async def handle(letter: DeadLetter) -> None:
            handled.append(letter.message.message_id)

        assert 2 == await buses.bus.drain(COMMAND_QUEUE, handle, 2)
        assert list(dead[2:]) == list(await buses.bus.dead_letters(COMMAND_QUEUE, 0, 10))
        assert 1 == await buses.bus.drain(COMMAND_QUEUE, handle, 5)
        assert ["id-1", "id-2", "id-3"] == handled
        assert [] == list(await buses.bus.dead_letters(COMMAND_QUEUE, 0, 10))

    async def test_one_that_is_not_handled_stays_and_comes_first_again(
        self, buses: Buses, dead: Sequence[DeadLetter]
    ) -> None:
        handled: list[str] = []

        async def handle(letter: DeadLetter) -> None:
            if letter.message.message_id == "id-2" and "id-2" not in handled:
                handled.append("id-2")
                raise Unavailable("away")
            handled.append(letter.message.message_id)

        with pytest.raises(Unavailable, match="away"):
            await buses.bus.drain(COMMAND_QUEUE, handle, 3)
        assert ["id-2", "id-3"] == [
            each.message.message_id for each in await buses.bus.dead_letters(COMMAND_QUEUE, 0, 10)
        ]
        assert 2 == await buses.bus.drain(COMMAND_QUEUE, handle, 3)
        assert ["id-1", "id-2", "id-2", "id-3"] == handled
