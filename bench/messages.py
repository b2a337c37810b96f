"""Part 6a: commands over the bus: through session consumer, log, relay and topic, with two hosts."""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from azure.servicebus.aio import ServiceBusClient

import function_app
from bench import cloud
from bench.material import ENVELOPES, new_context, new_id
from composition.domain import TOPOLOGY
from composition.settings import Settings
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from emulators.bench.machine import facts
from emulators.bench.measure import percentile
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale, progress
from engine.messaging.emulator_config import emulator_config
from engine.messaging.first_use import BusOnFirstUse
from engine.messaging.port import Bus, Message, send_all
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC
from engine.messaging.wire import MOST_IN_A_BUNDLE, bundled
from engine.storing.containers import PARKED

HOSTS: Final = 2
SUBSCRIPTION: Final = "bench"
_SESSIONS: Final = (1, 32, 1_000)
_PACE: Final = 0.1
"""Seconds between two commands whose time is taken one by one."""
_MESSAGES_PER_MANY: Final = 0.02
_PACED: Final = 50
_ALL_WITHIN: Final = 300.0

LEAST_SINGLE: Final = 1.5 * 71
"""Before groups and cheaper calls, 71 single messages of one session were handled in a second."""


async def run(scale: Scale) -> Sequence[Table]:
    count = max(_SESSIONS[-1], int(scale.many * _MESSAGES_PER_MANY))
    rows: list[Sequence[Cell]] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        cloud.stack(Path(folder), HOSTS, _entities(Path(folder))) as stack,
    ):
        async with _rig(stack) as rig:
            await rig.burst(20, 2)
            for sessions in _SESSIONS:
                progress(f"commands over the bus, sessions: {sessions:,}")
                before = await rig.index_reads()
                per_second = await rig.burst(count, sessions)
                reads = (await rig.index_reads() - before) / count
                times = await rig.paced(_PACED, sessions)
                p50, p99 = (percentile(times, share) * 1e3 for share in (50, 99))
                rows.append([sessions, count, per_second, p50, p99, reads])
            progress("one hot stream over the bus, in bundles")
            in_bundles = await rig.bundles(count)
    reads_per_message = max(float(row[-1] or 0) for row in rows)
    return [
        Table(
            "Commands over the bus",
            f"""
            Receipts of stock as messages of queue `commands`, a session per sku, sent through the service's own
            adapter; received by `handle_command`, appended, read from the change feed and sent to topic `events` by
            `relay_events`, and received there by the SDK. Per second: all sent at once, until the last event was
            received. Times: one command each {_PACE * 1e3:.0f} ms, from before it was sent until its event was
            received; the relay polls every {function_app.RELAY_POLL_MS} ms. {HOSTS} hosts; they, Cosmos DB, Service
            Bus and this process share {facts()["cores"]} cores, and the projections run meanwhile. The last column
            counts reads of the index of parked sessions per message.
            """,
            ["sessions", "messages", "per second", "p50, ms", "p99, ms", "index reads"],
            rows,
            [Goal("commands over the bus: reads of the parked index per message", 1.05, reads_per_message)],
        ),
        Table(
            "One hot stream over the bus",
            f"""
            {count} receipts of one sku, all sent at once: one message each, from the table above, and in bundles of
            {MOST_IN_A_BUNDLE}, as the relay sends what one batch of the feed issues for a stream. Until the last event
            was received from the topic.
            """,
            ["", "commands per second"],
            [["a message each", rows[0][2]], [f"in bundles of {MOST_IN_A_BUNDLE}", in_bundles]],
            [
                Goal("one hot stream over the bus in bundles, commands per second", 400.0, in_bundles, at_least=True),
                Goal(
                    "commands over the bus, one session, per second",
                    LEAST_SINGLE,
                    float(rows[0][2] or 0),
                    at_least=True,
                ),
            ],
        ),
    ]


def _entities(folder: Path) -> Path:
    """Those of the service, and a subscription to all events for this process."""
    config = emulator_config(TOPOLOGY)
    topic = next(each for each in config["UserConfig"]["Namespaces"][0]["Topics"] if each["Name"] == EVENT_TOPIC)
    topic["Subscriptions"].append({"Name": SUBSCRIPTION})
    file = folder / "servicebus.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


@dataclass(slots=True)
class _Rig:
    """`arrived` has when the event of each command was received."""

    bus: Bus
    cosmos_url: str
    arrived: dict[str, float] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def burst(self, count: int, sessions: int) -> float:
        """Messages per second."""
        skus = [new_id() for _ in range(sessions)]
        messages = [_command(skus[number % sessions]) for number in range(count)]
        return await self._burst(messages, messages)

    async def bundles(self, count: int) -> float:
        """Commands per second, all for one stream."""
        sku = new_id()
        commands = [_command(sku) for _ in range(count)]
        return await self._burst(commands, [each.message for each in bundled(commands)])

    async def _burst(self, commands: Sequence[Message], messages: Sequence[Message]) -> float:
        begun = time.perf_counter()
        await send_all(self.bus, COMMAND_QUEUE, messages)
        await self._until_arrived(commands)
        return len(commands) / (max(self.arrived[each.message_id] for each in commands) - begun)

    async def paced(self, count: int, sessions: int) -> Sequence[float]:
        """Seconds from sending to the event, of commands that do not wait for each other."""
        skus = [new_id() for _ in range(sessions)]
        sent: dict[str, float] = {}
        messages = [_command(skus[number % sessions]) for number in range(count)]
        for message in messages:
            sent[message.message_id] = time.perf_counter()
            await self.bus.send(COMMAND_QUEUE, [message])
            await asyncio.sleep(_PACE)
        await self._until_arrived(messages)
        return [self.arrived[message_id] - since for message_id, since in sent.items()]

    async def index_reads(self) -> int:
        """Batches on the container of what is parked, so far: nothing is parked here, so each is a look-up."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.cosmos_url}/_devstack/requests/totals") as response,
        ):
            totals: list[Mapping[str, Any]] = await response.json()
        return sum(int(each["count"]) for each in totals if (each["container"], each["kind"]) == (PARKED.name, "batch"))

    async def receive(self, client: ServiceBusClient) -> None:
        """Notes when each event arrives, until it is cancelled."""
        async with client.get_subscription_receiver(EVENT_TOPIC, SUBSCRIPTION, prefetch_count=200) as receiver:
            while True:
                for message in await receiver.receive_messages(200, max_wait_time=1):
                    at = time.perf_counter()
                    command_id = json.loads(b"".join(message.body))["metadata"]["causationId"]
                    self.arrived.setdefault(command_id, at)
                    await receiver.complete_message(message)
                async with self.news:
                    self.news.notify_all()

    async def _until_arrived(self, messages: Sequence[Message]) -> None:
        async with asyncio.timeout(_ALL_WITHIN), self.news:
            await self.news.wait_for(lambda: all(message.message_id in self.arrived for message in messages))


@asynccontextmanager
async def _rig(stack: cloud.Stack) -> AsyncIterator[_Rig]:
    settings = Settings.from_mapping(stack.known)
    async with contextlib.AsyncExitStack() as exits:
        rig = _Rig(BusOnFirstUse(settings.engine.service_bus, exits), stack.cosmos.url)
        client = ServiceBusClient.from_connection_string(cloud.bus_connection_string(stack.bus.url))
        await exits.enter_async_context(client)
        receiving = asyncio.create_task(rig.receive(client))
        exits.push_async_callback(_cancelled, receiving)
        yield rig


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _command(sku: str) -> Message:
    return ENVELOPES.command_message(new_context().to(STOCK.stream_id(sku), ReceiveStock(sku, 1)))
