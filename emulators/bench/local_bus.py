"""The local Service Bus: its rates beside a bus that stores nothing, and a million messages that wait."""

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from emulators.bench import processes
from emulators.bench.machine import resident_bytes
from emulators.bench.measure import interleaved_async
from emulators.bench.probes.filled_bus import CONFIG, QUEUE
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale, progress

_ALONE: Final = 200
_LIST: Final = 100
_LISTS: Final = 10
_RECEIVED: Final = 500
_SEND_GOAL: Final = 0.5
_RECEIVE_GOAL: Final = 0.9
_WAITING_PER_MANY: Final = 10
_SESSIONS: Final = 1_000
_MIB: Final = 2**20

# Queues without sessions and without duplicate detection: what is compared is sending, storing and receiving alone.
_CONFIG: Final = """
{"UserConfig": {"Namespaces": [{"Name": "bench", "Queues": [
  {"Name": "sent"}, {"Name": "settled"}, {"Name": "deleted"}]}]}}
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The SDK's calls on one bus, over links that stay open."""

    sender: ServiceBusSender
    settled: ServiceBusReceiver
    deleted: ServiceBusReceiver

    async def one(self) -> None:
        for _ in range(_ALONE):
            await self.sender.send_messages(_message())

    async def lists(self) -> None:
        for _ in range(_LISTS):
            await self.sender.send_messages([_message() for _ in range(_LIST)])

    async def complete(self) -> None:
        done = 0
        while done < _RECEIVED:
            for message in await self.settled.receive_messages(min(_LIST, _RECEIVED - done), max_wait_time=10):
                await self.settled.complete_message(message)
                done += 1

    async def delete(self) -> None:
        done = 0
        while done < _RECEIVED:
            done += len(await self.deleted.receive_messages(min(_LIST, _RECEIVED - done), max_wait_time=10))


Call = Callable[[Caller], Awaitable[None]]

_CALLS: Final[Mapping[str, tuple[Call, int, float]]] = {
    "send one message": (Caller.one, _ALONE, _SEND_GOAL),
    f"send lists of {_LIST}": (Caller.lists, _LIST * _LISTS, _SEND_GOAL),
    "receive and complete": (Caller.complete, _RECEIVED, _RECEIVE_GOAL),
    "receive and delete": (Caller.delete, _RECEIVED, _RECEIVE_GOAL),
}


async def run(scale: Scale) -> Sequence[Table]:
    return [await _rates(scale), await _waiting(scale.many * _WAITING_PER_MANY)]


async def _rates(scale: Scale) -> Table:
    rows: list[Sequence[Cell]] = []
    goals = []
    async with _callers(scale) as (broker, sink):
        for title, (call, count, bound) in _CALLS.items():
            progress(title)
            sides = {"broker": _side(call, broker), "sink": _side(call, sink)}
            timings = await interleaved_async(sides, scale.rounds, count)
            share = timings.ratio("sink", "broker")
            rows.append([title, 1 / timings.median("broker"), 1 / timings.median("sink"), share])
            goals.append(Goal(f"local Service Bus, {title}: rate over that of the sink", bound, share, at_least=True))
    return Table(
        "The local Service Bus under the SDK",
        f"""
        Messages of 0.5 KB per second through the asynchronous SDK from one process, one call after the other
        ({scale.rounds} rounds, in turns). Two servers in processes of their own: the local Service Bus on disk, which
        answers when a killed process would lose nothing, and a sink that settles every transfer, hands out one message
        again and again, and stores nothing.
        """,
        ["", "messages per second", "the sink", "share of the sink's rate"],
        rows,
        goals,
    )


def _side(call: Call, caller: Caller) -> Callable[[int], Awaitable[None]]:
    return lambda _round: call(caller)


@asynccontextmanager
async def _callers(scale: Scale) -> AsyncIterator[tuple[Caller, Caller]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        config = folder / "config.json"
        config.write_text(_CONFIG, encoding="utf-8")
        broker = stack.enter_context(processes.servicebus(folder / "servicebus", config))
        sink = stack.enter_context(processes.sink())
        client = await stack.enter_async_context(_client(broker.url))
        waiting = _RECEIVED * (scale.rounds + 2)
        for queue in ("settled", "deleted"):
            async with client.get_queue_sender(queue) as sender:
                for _ in range(waiting // _LIST):
                    await sender.send_messages([_message() for _ in range(_LIST)])
        yield await _caller(stack, client), await _caller(stack, await stack.enter_async_context(_client(sink.url)))


async def _caller(stack: AsyncExitStack, client: ServiceBusClient) -> Caller:
    delete = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    sender, settled, deleted = (
        client.get_queue_sender("sent"),
        client.get_queue_receiver("settled"),
        client.get_queue_receiver("deleted", receive_mode=delete),
    )
    for link in (sender, settled, deleted):
        await stack.enter_async_context(link)
    return Caller(sender, settled, deleted)


def _client(url: str) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(processes.bus_connection_string(url))


def _message() -> ServiceBusMessage:
    return ServiceBusMessage(b"x" * 500, message_id="m" * 32)


async def _waiting(count: int) -> Table:
    sessions = min(_SESSIONS, count // _LIST)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config = Path(folder) / "config.json"
        config.write_text(CONFIG, encoding="utf-8")
        with processes.servicebus(Path(folder) / "empty", config) as broker:
            empty = resident_bytes(broker.pid)
        progress(f"{count:,} messages that wait")
        filled = Path(folder) / "filled"
        begun = time.perf_counter()
        processes.run_python("-m", "emulators.bench.probes.filled_bus", str(filled), str(count), str(sessions))
        filling = time.perf_counter() - begun
        begun = time.perf_counter()
        with processes.servicebus(filled, config) as broker:
            starting = time.perf_counter() - begun
            started = resident_bytes(broker.pid)
            async with _client(broker.url) as client:
                begun = time.perf_counter()
                await _next_session(client)
                taking = time.perf_counter() - begun
            worked = resident_bytes(broker.pid)
    return Table(
        f"{count:,} messages that wait",
        f"""
        Messages of 0.5 KB in {sessions:,} sessions of a queue with duplicate detection. They were put into the store
        through the broker's rules, without a wire; then the broker was started over them, and {_LIST} messages of the
        next available session were received and completed through the SDK. Resident memory (RSS) of its process.
        """,
        ["", "measured"],
        [
            ["MiB, nothing waits", empty / _MIB],
            ["MiB after the start over the messages", started / _MIB],
            ["MiB after messages were received", worked / _MIB],
            ["µs to put a message into the store", filling / count * 1e6],
            ["s to start over the messages", starting],
            [f"s to accept the next session and complete {_LIST} messages", taking],
        ],
    )


async def _next_session(client: ServiceBusClient) -> None:
    async with client.get_queue_receiver(QUEUE, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=10) as receiver:
        for message in await receiver.receive_messages(_LIST, max_wait_time=10):
            await receiver.complete_message(message)
