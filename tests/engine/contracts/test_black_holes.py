"""What is outside may accept connections and never answer: whoever calls it waits for a bound of its own, no longer.

The methods are those of the ports, so one that is added without a bound is found.
"""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from emulators.cosmos.server import CosmosServer
from emulators.servicebus.server import ServiceBusServer
from engine.assembly import Adapters
from engine.commands.outcomes.cosmos import CosmosOutcomeStore
from engine.commands.outcomes.port import Done
from engine.consuming.feed.cosmos import CosmosEventFeed
from engine.consuming.feed.port import WHOLE, FeedRange
from engine.consuming.parked.cosmos import CosmosParkedStore
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.cosmos import CosmosParkedStreams
from engine.consuming.parked_streams.port import NOTHING_KNOWN, Index, ParkedStream
from engine.errors import AdapterError, OutcomeUnknown, Unavailable
from engine.messaging import servicebus, servicebus_client
from engine.messaging.notification import Notification, NotReceived
from engine.messaging.port import DeadLetter, Message, Received
from engine.messaging.servicebus_client import connected
from engine.messaging.topology import COMMAND_QUEUE
from engine.messaging.webhook import HttpWebhook
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.generations.cosmos import CosmosGenerationStore
from engine.projecting.generations.port import Generations
from engine.projecting.port import ViewKey
from engine.settings import CosmosConnection, ServiceBusConnection
from engine.storing import cosmos_account, cosmos_requests
from engine.storing.containers import EVENTS, GENERATIONS, LEASES, OUTCOMES, PARKED, SNAPSHOTS, Container
from engine.storing.cosmos import CosmosEventStore, CosmosSnapshotStore
from engine.storing.cosmos_account import open_client, provision, set_throughput
from engine.storing.port import Head
from engine.storing.snapshots import Snapshot
from engine.testing.times import NOON
from tests.engine.contracts.connections import CONTAINERS, cosmos, provisioned
from tests.engine.contracts.receiver import receiving
from tests.engine.contracts.test_bus import CONFIG
from tests.engine.contracts.test_event_store import event
from tests.engine.contracts.valve import Valve, valve

BOUND: Final = 0.5
"""Each bound is this many seconds here."""

CALLERS: Final = 20
WITHIN: Final = CALLERS * BOUND / 2
"""All callers together have failed after this many seconds; one after the other, they would take twice as long."""

FIRST_BYTES: Final = 20
"""Not even the head of an answer of HTTP, or the opening of a connection of AMQP, is whole with them."""

_DATABASE: Final = "black-hole"
_RECEIVED: Final = Received("m-1", "guest-g-1", 1, b"{}")


async def _handle(_: DeadLetter) -> None:
    raise AssertionError("there is no dead letter")


BY_TYPE: Final[Mapping[Any, Any]] = {
    Head: Head(0, ""),
    Snapshot: Snapshot("guest-g-1", 1, 1, "e-1", NOON, "Happened", {}),
    FeedRange: WHOLE,
    str | None: None,
    ViewKey: ViewKey("1~guest-g-1", "1~guest-g-1"),
    Received: _RECEIVED,
    Index: NOTHING_KNOWN,
    ParkedStream: ParkedStream("guest-g-1", 1, 1, 1, "Happened", "failed", "k", "no", "trace", 5, NOON, etag='"0"'),
    Container: CONTAINERS[-1],
    Generations: Generations(1, (1,)),
    Failure: Failure("no", "trace", 1, datetime(2026, 1, 1, tzinfo=UTC)),
    Notification: Notification("event-1", "00-trace", b"{}"),
}
BY_NAME: Final[Mapping[str, Any]] = {
    "additions": {"guest-g-1~1": {"00.hill.arrivals": 1}},
    "after": 0,
    "bucket": "1~2026-01-01T00~0",
    "buckets": ["1~2026-01-01T00~0", "1~2026-01-01T00~1"],
    "category": "guest",
    "command_id": "c-1",
    "command_ids": ["c-1", "c-2"],
    "consumer": "commands",
    "container": "guest-details",
    "continuation": None,
    "count": 1,
    "document": {"id": "1~guest-g-1", "position": 1},
    "entity": COMMAND_QUEUE,
    "etag": None,
    "events": [event("guest-g-1", 1)],
    "fingerprint": "f",
    "first": 1,
    "fold": 1,
    "handle": _handle,
    "key": "k",
    "limit": 1,
    "messages": [Message("m-1", "guest-g-1", "DismissGuest", b"{}", "c")],
    "outcome": Done("f", "guest-g-1", 1),
    "partition": "hill",
    "path": "id",
    "prefix": "1~",
    "read_model": "guest-details",
    "session_id": "guest-g-1",
    "sort_below": "2",
    "sort_from": "1",
    "stream_id": "guest-g-1",
    "view_id": "1~guest-g-1",
    "value": "arrived",
    "version": 0,
    "vocabulary": 1,
}


BEGINS_NOTHING: Final = frozenset(
    {
        "EventStore.read", "EventStore.newest", "EventStore.look_up", "EventStore.of_commands",
        "EventStore.streams_of", "EventStore.streams", "EventStore.items", "EventStore.is_head", "SnapshotStore.read",
        "ViewStore.get", "ViewStore.find", "ViewStore.page", "ViewStore.beginning", "ViewStore.count",
        "RollupStore.sums", "RollupStore.delete", "GenerationStore.get", "OutcomeStore.get", "ParkedStore.sessions",
        "ParkedStore.session", "ParkedStore.count_alone",
        "ParkedStore.known", "ParkedStore.waiting", "ParkedStore.alone", "ParkedStore.park", "ParkedStore.free",
        "ParkedStreams.index", "ParkedStreams.index_since", "ParkedStreams.get", "ParkedStreams.all",
        "ParkedStreams.park", "ParkedStreams.free", "EventFeed.ranges", "EventFeed.leases", "EventFeed.head",
        "EventFeed.read", "DeadLetters.dead_letters", "DeadLetters.drain", "Webhook.post",
    }
)  # fmt: skip
"""They read, or read first. Of all others, a write may still be under way, which OutcomeUnknown says."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    # What an older Python calls unclosed, 3.13 says of the stream's writer.
    pytest.mark.filterwarnings("ignore:loop is closed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _what_the_sdk_leaves_open() -> Iterator[None]:
    """The SDK of the bus (7.15) does not close the socket of a connection that never came about: it is collected."""
    yield
    gc.collect()


@dataclass
class Outside:
    """Has an adapter of each port, and a valve before each server."""

    adapters: Adapters
    valves: list[Valve]

    def calls(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """Every method of every port, with arguments."""
        return {
            f"{port.__name__}.{name}": _called(getattr(getattr(self.adapters, field), name))
            for field, hint in get_type_hints(Adapters).items()
            for port in [next(each for each in (*get_args(hint), hint) if each is not type(None))]
            for name, _ in inspect.getmembers(port, inspect.iscoroutinefunction)
            if not name.startswith("_")
        }


def _called(method: Callable[..., Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    parameters = inspect.signature(method).parameters.values()
    arguments = [BY_TYPE[each.annotation] if each.annotation in BY_TYPE else BY_NAME[each.name] for each in parameters]
    return lambda: method(*arguments)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(CosmosServer.start())
        bus = await stack.enter_async_context(ServiceBusServer.start(CONFIG))
        receiver = await stack.enter_async_context(receiving())
        at_store, at_bus, at_receiver = [
            await stack.enter_async_context(_before(each))
            for each in (store.url, bus.connection_string.removeprefix("Endpoint="), receiver.url)
        ]
        connection = CosmosConnection(f"http://127.0.0.1:{at_store.port}/", cosmos(store.connection_string).key)
        client = await stack.enter_async_context(open_client(connection))
        database = await provisioned(client, _DATABASE)
        namespace = urlsplit(bus.connection_string.removeprefix("Endpoint=").split(";")[0]).netloc
        bus_connection = bus.connection_string.replace(namespace, f"localhost:{at_bus.port}")
        its_bus = await stack.enter_async_context(connected(ServiceBusConnection(bus_connection)))
        webhook = HttpWebhook(f"http://127.0.0.1:{at_receiver.port}/", "secret", lambda: NOON, BOUND)
        stack.push_async_callback(webhook.close)
        adapters = Adapters(
            CosmosEventStore(database.get_container_client(EVENTS.name)),
            CosmosEventFeed(
                database.get_container_client(EVENTS.name),
                database.get_container_client(LEASES.name),
                connection.endpoint,
            ),
            CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
            CosmosViewStore(database.get_container_client),
            CosmosRollupStore(database.get_container_client),
            CosmosGenerationStore(database.get_container_client(GENERATIONS.name)),
            CosmosOutcomeStore(database.get_container_client(OUTCOMES.name)),
            CosmosParkedStore(database.get_container_client(PARKED.name)),
            CosmosParkedStreams(database.get_container_client(PARKED.name)),
            its_bus,
            its_bus,
            webhook,
        )
        yield Outside(adapters, [at_store, at_bus, at_receiver])


def _before(url: str) -> Any:
    return valve("localhost", urlsplit(url.split(";")[0]).port or 0)


@pytest.fixture
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def shorten() -> None:
        monkeypatch.setattr(cosmos_requests, "REQUEST_LIFETIME", BOUND)
        monkeypatch.setattr(cosmos_account, "CONNECT_LIFETIME", BOUND)
        monkeypatch.setattr(cosmos_account, "PROVISION_LIFETIME", BOUND)
        monkeypatch.setattr(servicebus, "SEND_LIFETIME", BOUND)
        monkeypatch.setattr(servicebus, "_CLOSE_LIFETIME", BOUND)

    return shorten


async def _told_in_time(call: Callable[[], Awaitable[Any]]) -> type[Exception] | str:
    """The error that says that nobody answers, or what came instead of one."""
    try:
        async with asyncio.timeout(WITHIN):
            return f"answered {await call()}"
    except (Unavailable, NotReceived) as error:
        return type(error)
    except Exception as error:  # noqa: BLE001 - it is what the test is about
        return repr(error)


@pytest.mark.parametrize("warm", [False, True], ids=["at first", "later"])
@pytest.mark.parametrize("drops", [0, FIRST_BYTES], ids=["silent", "first bytes"])
async def test_every_method_of_every_port_fails_in_time_for_each_of_its_callers(
    outside: Outside, short_bounds: Callable[[], None], drops: int, warm: bool
) -> None:
    calls = outside.calls()
    if warm:
        for call in calls.values():
            with suppress(AdapterError, NotReceived, AssertionError):
                await call()
    short_bounds()
    for each in outside.valves:
        each.shut(drops=drops)
    told = await asyncio.gather(*(_told_in_time(call) for call in calls.values() for _ in range(CALLERS)))
    names = [name for name in calls for _ in range(CALLERS)]
    assert {} == {name: end for name, end in zip(names, told, strict=True) if isinstance(end, str)}
    begun = {name for name, end in zip(names, told, strict=True) if end is OutcomeUnknown}
    assert calls.keys() - BEGINS_NOTHING == begun


def test_no_port_is_left_out() -> None:
    """Everything beside the ports that awaits what is outside is named here, and called below."""
    public = {
        name
        for name, function in inspect.getmembers(cosmos_account, inspect.isfunction)
        if function.__module__ == cosmos_account.__name__ and not name.startswith("_")
    }
    assert {"open_client", "provision", "set_throughput"} == public


class TestOpening:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_cosmos_db(self, outside: Outside, short_bounds: Callable[[], None], scheme: str) -> None:
        short_bounds()
        outside.valves[0].shut(drops=FIRST_BYTES)
        connection = CosmosConnection(f"{scheme}://127.0.0.1:{outside.valves[0].port}/", "eA==")
        assert Unavailable is await _told_in_time(lambda: _entered(open_client(connection)))

    async def test_provisioning(self, short_bounds: Callable[[], None]) -> None:
        async with CosmosServer.start() as server, _before(server.url) as before:
            connection = CosmosConnection(f"http://127.0.0.1:{before.port}/", cosmos(server.connection_string).key)
            async with open_client(connection) as client:
                short_bounds()
                before.shut()
                for call in (
                    lambda: provision(client, _DATABASE, CONTAINERS, lambda _: None),
                    lambda: set_throughput(client, _DATABASE, None),
                ):
                    assert cosmos_account._NoAnswer is await _told_in_time(call)

    async def test_containers_after_one_that_is_not_answered_are_not_waited_for(
        self, short_bounds: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        async def silent(_: object, definition: Any) -> Any:
            asked.append(definition.name)
            await asyncio.Event().wait()

        monkeypatch.setattr(cosmos_account, "_provision_container", silent)
        async with CosmosServer.start() as server, open_client(cosmos(server.connection_string)) as client:
            short_bounds()
            with pytest.raises(Unavailable, match=f"no answer from Cosmos DB for container {CONTAINERS[0].name}"):
                await provision(client, _DATABASE, CONTAINERS, lambda _: None)
        assert [CONTAINERS[0].name] == asked


class SilentCredential:
    """An identity whose service of tokens never answers."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "SilentCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class TestTokens:
    @pytest.fixture(autouse=True)
    def _silent(self, monkeypatch: pytest.MonkeyPatch, short_bounds: Callable[[], None]) -> None:
        async def identity(_: str | None) -> SilentCredential:
            return SilentCredential()

        monkeypatch.setattr(cosmos_account, "identity", identity)
        monkeypatch.setattr(servicebus_client, "identity", identity)
        short_bounds()

    async def test_cosmos_db_is_not_opened_and_that_is_told_in_time(self) -> None:
        connection = CosmosConnection("https://127.0.0.1:1/", None)
        assert Unavailable is await _told_in_time(lambda: _entered(open_client(connection)))

    async def test_nothing_is_sent_and_that_is_told_in_time(self) -> None:
        async with connected(ServiceBusConnection(None, "nobody.servicebus.windows.net")) as bus:
            calls = [lambda: bus.send(COMMAND_QUEUE, BY_NAME["messages"]), lambda: bus.drain(COMMAND_QUEUE, _handle, 1)]
            told = await asyncio.gather(*(_told_in_time(call) for call in calls for _ in range(CALLERS)))
        assert [OutcomeUnknown] * CALLERS + [Unavailable] * CALLERS == told


async def _entered(context: Any) -> None:
    async with context:
        pass
