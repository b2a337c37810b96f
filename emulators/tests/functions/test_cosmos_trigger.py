"""The Cosmos DB trigger against a real server: delivery, failures, positions, leases that change hands."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import azure.functions as func
import pytest

from emulators.cosmos.faults import Fault
from emulators.cosmos.server import CosmosServer
from emulators.functions import cosmos_trigger
from emulators.functions.bindings import BindingError
from emulators.functions.cosmos_account import account_of
from emulators.functions.cosmos_trigger import CosmosTriggerListener, CosmosTriggerOptions
from emulators.functions.cosmos_wire import CosmosClient, CosmosError
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker
from emulators.functions.leases import Lease
from emulators.tests.functions.apps import COSMOS, Screen, eventually, only_function, running_invoker

pytestmark = pytest.mark.usefixtures("engine")

# Poll every 50 ms, look for leases every 130 ms, renew every 170 ms, expire after 600 ms, retry after 10 ms.
HURRY = 100.0


@dataclass
class Seen:
    """One invocation as the function saw it."""

    ids: list[str]
    invocation_id: str
    retry_count: int
    documents: list[dict[str, Any]]


@dataclass
class Recorder:
    """A function that records what it sees; `behave` decides how it ends."""

    seen: list[Seen] = field(default_factory=list)
    behave: Any = None
    running: int = 0
    most: int = 0

    def app(self, *, retry: dict[str, Any] | None = None, **trigger: Any) -> func.FunctionApp:
        app = func.FunctionApp()

        def project(docs: func.DocumentList, context: func.Context) -> None:
            documents = [document.to_dict() for document in docs]
            retry_count = context.retry_context.retry_count
            seen = Seen([each["id"] for each in documents], context.invocation_id, retry_count, documents)
            self.running += 1
            self.most = max(self.most, self.running)
            self.seen.append(seen)
            try:
                if self.behave is not None:
                    self.behave(seen)
            finally:
                self.running -= 1

        decorated = project if retry is None else app.retry(**retry)(project)
        wanted = {
            "connection": "COSMOS",
            "database_name": "db",
            "container_name": "events",
            "create_lease_container_if_not_exists": True,
            "start_from_beginning": True,
            "lease_container_prefix": "p-",
        }
        app.cosmos_db_trigger(arg_name="docs", **{**wanted, **trigger})(decorated)
        return app

    @property
    def ids(self) -> list[str]:
        return [each for seen in self.seen for each in seen.ids]


ENDLESS = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:00:05",
}


class World:
    """A database with a container of events, and hosts that listen to it."""

    def __init__(self, server: CosmosServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.environment = {"COSMOS": server.connection_string}
        self.client = CosmosClient(account_of("COSMOS", self.environment), session)
        self.events = self.client.container("db", "events")
        self.leases = self.client.container("db", "leases")
        self.screen = Screen()

    async def create(self) -> None:
        await self.events.create_if_missing(
            {"id": "events", "partitionKey": {"paths": ["/stream"], "kind": "Hash", "version": 2}}
        )

    async def write(self, *ids: str, stream: str = "s", **data: Any) -> None:
        for each in ids:
            await self.events.create({"id": each, "stream": stream, **data}, (stream,))

    async def held(self) -> list[Lease]:
        rows = await self.leases.query("SELECT * FROM c", {})
        return sorted((Lease.from_document(row) for row in rows if "LeaseToken" in row), key=lambda each: each.id)

    async def positions(self) -> dict[str, str | None]:
        return {lease.token: lease.continuation for lease in await self.held()}

    def listener(self, function: Function, invoker: Invoker) -> CosmosTriggerListener:
        options = CosmosTriggerOptions.from_binding(function.trigger, self.environment, HURRY, datetime.now(UTC))
        return CosmosTriggerListener(function, options, invoker, self.screen, self.session, hurry=HURRY)

    @asynccontextmanager
    async def listening(self, app: func.FunctionApp, hosts: int = 1) -> AsyncIterator[list[CosmosTriggerListener]]:
        """So many hosts with the app, until the block ends."""
        async with AsyncExitStack() as stack:
            function = only_function(app)
            listeners = []
            for _ in range(hosts):
                invoker = await stack.enter_async_context(running_invoker(self.screen))
                listeners.append(self.listener(function, invoker))
            for listener in listeners:
                stack.push_async_callback(listener.stop)
                await listener.start()
            yield listeners


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with CosmosServer.start() as server, aiohttp.ClientSession() as session:
        made = World(server, session)
        await made.create()
        yield made


class TestDelivery:
    @pytest.mark.verified("docs", feature="Cosmos DB trigger: lagging replicas")
    async def test_two_hosts_on_lagging_replicas_lose_nothing(self) -> None:
        async with CosmosServer.start(lag=5, seed=1) as server, aiohttp.ClientSession() as session:
            world = World(server, session)
            await world.create()
            server.split("db", "events")
            recorder = Recorder()
            expected = [f"{number}" for number in range(30)]
            async with world.listening(recorder.app(), hosts=2):
                for number in expected:
                    await world.write(number, stream=number)
                await eventually(lambda: len(set(recorder.ids)) == 30, "every document arrives")
        # Some may arrive twice: the second host takes a lease from the first one while a batch runs.
        assert set(expected) == set(recorder.ids)

    @pytest.mark.verified("trace", feature="Cosmos DB trigger")
    async def test_documents_arrive_with_system_properties_and_rewritten_dates_and_are_recorded(
        self, world: World
    ) -> None:
        await world.write("1", at="2026-01-02T03:04:05.000Z")
        recorder = Recorder()
        async with world.listening(recorder.app()):
            await eventually(lambda: recorder.seen, "the document arrives")
        (document,) = recorder.seen[0].documents
        assert ("2026-01-02T03:04:05Z", 1) == (document["at"], document["_lsn"])
        assert {"_rid", "_self", "_etag", "_attachments", "_ts"} <= set(document)
        assert {"0": '"1"'} == await world.positions()

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: maxItemsPerInvocation")
    async def test_a_page_has_as_many_documents_as_asked_for(self, world: World) -> None:
        await world.write("1", "2", "3")
        recorder = Recorder()
        async with world.listening(recorder.app(max_items_per_invocation=2)):
            await eventually(lambda: len(recorder.seen) == 2, "two batches arrive")
        assert [["1", "2"], ["3"]] == [seen.ids for seen in recorder.seen]

    @pytest.mark.verified("trace", feature="Cosmos DB trigger")
    async def test_batches_of_a_lease_never_overlap(self, world: World) -> None:
        recorder = Recorder(behave=lambda _: threading.Event().wait(0.01))
        async with world.listening(recorder.app(max_items_per_invocation=1), hosts=2):
            await world.write(*(str(number) for number in range(10)))
            await eventually(lambda: len(recorder.seen) == 10, "all batches arrive")
        assert 1 == recorder.most
        assert [str(number) for number in range(10)] == recorder.ids

    @pytest.mark.verified("trace", feature="Cosmos DB trigger")
    async def test_the_position_survives_a_restart(self, world: World) -> None:
        await world.write("1")
        recorder = Recorder()
        async with world.listening(recorder.app()):
            await eventually(lambda: recorder.seen, "the first document arrives")
        await world.write("2")
        async with world.listening(recorder.app()):
            await eventually(lambda: len(recorder.seen) == 2, "the second document arrives")
        assert ["1", "2"] == recorder.ids

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: startFromTime")
    async def test_changes_before_the_start_time_are_not_seen(self, world: World) -> None:
        await world.write("old")
        recorder = Recorder()
        app = recorder.app(start_from_beginning=False, start_from_time="2100-01-01T00:00:00Z")
        async with world.listening(app):
            polled = len(world.server.requests.of("feed", container="events"))
            await eventually(
                lambda: len(world.server.requests.of("feed", container="events")) > polled + 2, "it is polled"
            )
        assert [] == recorder.ids

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: leaseContainerPrefix")
    async def test_functions_with_prefixes_of_their_own_see_every_change(self, world: World) -> None:
        await world.write("1")
        one, two = Recorder(), Recorder()
        async with (
            world.listening(one.app(lease_container_prefix="one-")),
            world.listening(two.app(lease_container_prefix="two-")),
        ):
            await eventually(lambda: one.seen and two.seen, "both see it")
        assert (["1"], ["1"]) == (one.ids, two.ids)


class TestFailures:
    @pytest.mark.verified("trace", feature="Cosmos DB trigger: a failure without a policy loses the batch")
    async def test_without_a_policy_a_failed_batch_is_lost_and_the_next_one_proceeds(self, world: World) -> None:
        def fail_first(seen: Seen) -> None:
            if seen.ids == ["1"]:
                raise ValueError("poison")

        recorder = Recorder(behave=fail_first)
        await world.write("1", "2")
        async with world.listening(recorder.app(max_items_per_invocation=1)):
            await eventually(lambda: len(recorder.seen) == 2, "both batches arrive")
        assert ["1", "2"] == recorder.ids
        assert {"0": '"2"'} == await world.positions()
        assert "Lease 0 encountered an unhandled user exception during processing: 1 document LOST" in world.screen.text

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: finite retry policies")
    async def test_a_finite_policy_tries_again_with_the_same_invocation_and_then_loses_the_batch(
        self, world: World
    ) -> None:
        def fail(_: Seen) -> None:
            raise ValueError("poison")

        recorder = Recorder(behave=fail)
        await world.write("1")
        retry = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:01"}
        async with world.listening(recorder.app(retry=retry)):
            await eventually(lambda: "LOST" in world.screen.text, "the batch is given up")
        assert [0, 1, 2] == [seen.retry_count for seen in recorder.seen]
        assert 1 == len({seen.invocation_id for seen in recorder.seen})
        assert {"0": '"1"'} == await world.positions()
        assert "Function execution failed after '2' retries." in world.screen.text

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: endless retry policies")
    async def test_an_endless_policy_tries_the_same_batch_until_it_succeeds(self, world: World) -> None:
        def fail_thrice(seen: Seen) -> None:
            if seen.retry_count < 3:
                raise ValueError("not yet")

        recorder = Recorder(behave=fail_thrice)
        await world.write("1")
        async with world.listening(recorder.app(retry=ENDLESS)):
            await eventually(lambda: len(recorder.seen) == 4, "the fourth attempt happens")
        assert [0, 1, 2, 3] == [seen.retry_count for seen in recorder.seen]
        assert 1 == len({seen.invocation_id for seen in recorder.seen})
        assert "LOST" not in world.screen.text
        assert {"0": '"1"'} == await world.positions()

    @pytest.mark.verified("docs", feature="Failures: exceptions without a text")
    @pytest.mark.parametrize("retry", [None, {**ENDLESS, "max_retry_count": "2"}])
    async def test_an_exception_that_cannot_be_read_is_a_failure_like_others(
        self, world: World, retry: dict[str, Any] | None
    ) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        def fail_first(seen: Seen) -> None:
            if seen.ids == ["1"]:
                raise Mute

        recorder = Recorder(behave=fail_first)
        await world.write("1", "2")
        async with world.listening(recorder.app(max_items_per_invocation=1, retry=retry)):
            await eventually(lambda: "2" in recorder.ids, "the next batch arrives")
        attempts = 1 if retry is None else 3
        assert [*range(attempts), 0] == [seen.retry_count for seen in recorder.seen]
        assert {"0": '"2"'} == await world.positions()
        assert "1 document LOST" in world.screen.text

    @pytest.mark.verified("docs", feature="Supervision")
    async def test_a_defect_of_this_host_is_not_repeated_in_silence(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def defective(_: Any) -> str:
            raise KeyError("a defect")

        monkeypatch.setattr(cosmos_trigger, "rewrite_documents", defective)
        await world.write("1")
        async with world.listening(Recorder().app()):
            await asyncio.wait_for(world.screen.crashed.wait(), 15)
        assert "devstack failed: KeyError: 'a defect'" in world.screen.text

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: endless retry policies")
    async def test_a_batch_that_never_succeeds_blocks_its_lease_only(self, world: World) -> None:
        def fail_poison(seen: Seen) -> None:
            if "poison" in seen.ids:
                raise ValueError("poison")

        recorder = Recorder(behave=fail_poison)
        world.server.split("db", "events")
        streams = await self.streams_of_two_ranges(world)
        await world.write("poison", stream=streams[0])
        async with world.listening(recorder.app(retry=ENDLESS)):
            await eventually(lambda: "poison" in recorder.ids, "the poison arrives")
            await world.write("good", stream=streams[1])
            await eventually(lambda: "good" in recorder.ids, "the other lease goes on")

    async def streams_of_two_ranges(self, world: World) -> list[str]:
        """A stream in each of the two partitions."""
        found: dict[str, str] = {}
        ranges = await world.events.ranges()
        for number in range(100):
            await world.write("probe", stream=str(number))
        for each in ranges:
            page = await world.events.change_feed({"x-ms-documentdb-partitionkeyrangeid": each.id}, 1)
            found[each.id] = page.content["Documents"][0]["stream"]
        return list(found.values())

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: stop while retrying")
    async def test_a_stop_during_a_retry_delay_records_nothing_and_the_batch_comes_again_anew(
        self, world: World
    ) -> None:
        patient = {**ENDLESS, "minimum_interval": "01:00:00", "maximum_interval": "01:00:00"}

        def fail_until_restart(_: Seen) -> None:
            if len(recorder.seen) == 1:
                raise ValueError("not yet")

        recorder = Recorder(behave=fail_until_restart)
        await world.write("1")
        async with world.listening(recorder.app(retry=patient)):
            await eventually(lambda: "retry 1 of 1 document" in world.screen.text, "it waits for the retry")
        (lease,) = await world.held()
        assert (None, None) == (lease.owner, lease.continuation)
        async with world.listening(recorder.app(retry=patient)):
            await eventually(lambda: len(recorder.seen) == 2, "it is delivered again")
        first, second = recorder.seen
        assert (["1"], 0) == (second.ids, second.retry_count)
        assert first.invocation_id != second.invocation_id

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: stop while running")
    async def test_a_stop_lets_a_running_batch_end_and_records_it(self, world: World) -> None:
        entered, release = threading.Event(), threading.Event()

        def wait(_: Seen) -> None:
            entered.set()
            release.wait(10)

        recorder = Recorder(behave=wait)
        await world.write("1")
        async with world.listening(recorder.app()) as (listener,):
            await eventually(entered.is_set, "the batch runs")
            stopping = asyncio.create_task(listener.stop())
            release.set()
            await stopping
        (lease,) = await world.held()
        assert (None, '"1"') == (lease.owner, lease.continuation)


class TestLeases:
    @pytest.mark.verified("trace", feature="Cosmos DB trigger: leases are renewed while a batch runs")
    async def test_a_batch_that_runs_longer_than_the_expiration_keeps_its_lease(self, world: World) -> None:
        release = threading.Event()
        recorder = Recorder(behave=lambda _: release.wait(10))
        await world.write("1")
        async with world.listening(recorder.app(), hosts=2):
            await eventually(lambda: recorder.seen, "the batch runs")
            timestamps: set[str | None] = set()
            # Renewed every 170 ms, expired after 600 ms: five renewals are longer than the expiration.
            while len(timestamps) < 6:
                timestamps.add((await world.held())[0].timestamp)
                await asyncio.sleep(0.02)
            release.set()
        assert (["1"], {"0": '"1"'}) == (recorder.ids, await world.positions())

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: a stolen lease")
    async def test_a_batch_whose_lease_was_stolen_meanwhile_is_not_recorded(self, world: World) -> None:
        entered, release = threading.Event(), threading.Event()

        def wait(_: Seen) -> None:
            entered.set()
            release.wait(10)

        recorder = Recorder(behave=wait)
        await world.write("1")
        async with world.listening(recorder.app()):
            await eventually(entered.is_set, "the batch runs")
            document, etag = await world.leases.read((await world.held())[0].id, ((await world.held())[0].id,))
            far_away = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
            stolen = {**document, "Owner": "thief", "timestamp": far_away}
            # The renewer may have been faster: whoever writes last holds it.
            for _ in range(10):
                try:
                    await world.leases.replace(stolen, (document["id"],), etag)
                    break
                except CosmosError:
                    document, etag = await world.leases.read(document["id"], (document["id"],))
            release.set()
        (lease,) = await world.held()
        assert ("thief", None) == (lease.owner, lease.continuation)

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: faults of the service")
    @pytest.mark.parametrize("status", [503, 404, 500])
    async def test_a_fault_gives_the_lease_back_and_nothing_is_lost_or_doubled(self, world: World, status: int) -> None:
        recorder = Recorder()
        async with world.listening(recorder.app()):
            await world.write("1")
            await eventually(lambda: recorder.ids == ["1"], "the first document arrives")
            world.server.faults.add(Fault(status=status, kinds=frozenset({"feed"})))
            await eventually(lambda: "lease 0 is released" in world.screen.text, "the lease is given back")
            await world.write("2")
            await eventually(lambda: len(recorder.ids) > 1, "the second document arrives")
        assert ["1", "2"] == recorder.ids

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: splits")
    async def test_a_split_gives_two_leases_and_nothing_is_lost_or_doubled(self, world: World) -> None:
        recorder = Recorder()
        streams = [f"s{number}" for number in range(20)]
        async with world.listening(recorder.app()):
            for stream in streams:
                await world.write("1", stream=stream)
            await eventually(lambda: len(recorder.ids) == 20, "the first events arrive")
            children = world.server.split("db", "events")
            for stream in streams:
                await world.write("2", stream=stream)
            await eventually(lambda: len(recorder.ids) == 40, "the second events arrive")
        delivered = [(document["stream"], document["id"]) for seen in recorder.seen for document in seen.documents]
        assert sorted((stream, number) for stream in streams for number in "12") == sorted(delivered)
        assert list(children) == [lease.token for lease in await world.held()]

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: 410 without a split")
    async def test_a_410_without_a_split_migrates_to_a_lease_of_keys(self, world: World) -> None:
        recorder = Recorder()
        async with world.listening(recorder.app()):
            await world.write("1")
            await eventually(lambda: recorder.ids == ["1"], "the first document arrives")
            world.server.faults.add(Fault(status=410, substatus=1002, kinds=frozenset({"feed"})))
            await eventually(lambda: world.server.faults.struck() == 1, "the range is reported gone")
            await world.write("2")
            await eventually(lambda: len(recorder.ids) > 1, "the second document arrives")
        assert ["1", "2"] == recorder.ids
        (lease,) = await world.held()
        assert ("-FF", 1) == (lease.token, lease.version)

    @pytest.mark.verified("docs", feature="Lease balancing")
    async def test_two_hosts_share_the_leases_and_one_that_stops_leaves_them_to_the_other(self, world: World) -> None:
        world.server.split("db", "events")
        recorder = Recorder()
        async with world.listening(recorder.app(), hosts=2) as (first, _):
            await self.until_owners(world, 2)
            await first.stop()
            await self.until_owners(world, 1)
        assert {None} == {lease.owner for lease in await world.held()}

    async def until_owners(self, world: World, number: int) -> None:
        async with asyncio.timeout(15):
            while True:
                owners = [lease.owner for lease in await world.held()]
                if len(owners) == 2 and None not in owners and len(set(owners)) == number:
                    return
                await asyncio.sleep(0.02)


class TestStart:
    @pytest.mark.verified("trace", feature="Cosmos DB trigger: missing containers")
    async def test_a_missing_container_is_told_as_the_host_tells_it_and_found_later(self, world: World) -> None:
        recorder = Recorder()
        await world.write("1")
        async with world.listening(recorder.app(create_lease_container_if_not_exists=False)):
            assert (
                "Either the source container 'events' (in database 'db')  or the lease container 'leases' "
                "(in database 'db') does not exist." in world.screen.text
            )
            await world.leases.create_if_missing(
                {"id": "leases", "partitionKey": {"paths": ["/id"], "kind": "Hash"}, "defaultTtl": -1}
            )
            await eventually(lambda: recorder.ids == ["1"], "the listener starts after all")
        assert "Retrying to start listener for function 'Functions.project' (Attempt 1)" in world.screen.text

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: missing containers")
    async def test_a_lease_container_with_another_key_is_refused(self, world: World) -> None:
        await world.leases.create_if_missing(
            {"id": "leases", "partitionKey": {"paths": ["/pk"], "kind": "Hash"}, "defaultTtl": -1}
        )
        async with world.listening(Recorder().app()):
            assert "The lease container must have partition key equal to id or partitionKey." in world.screen.text

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: settings")
    @pytest.mark.parametrize(
        ("trigger", "complaint"),
        [
            ({"connection": "NOPE"}, "'NOPE' does not exist"),
            ({"lease_container_name": "events"}, "cannot be the same"),
            ({"start_from_time": "2026-01-01T00:00:00Z"}, "Only one of"),
            ({"start_from_beginning": False, "start_from_time": "soon"}, "startFromTime"),
            ({"feed_poll_delay": -1}, "positive number"),
            ({"create_lease_container_if_not_exists": "maybe"}, "true or false"),
            ({"change_feed_mode": "AllVersionsAndDeletes"}, "not supported by devstack"),
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, trigger: dict[str, Any], complaint: str) -> None:
        binding = only_function(Recorder().app(**trigger)).trigger
        with pytest.raises(BindingError, match=complaint):
            CosmosTriggerOptions.from_binding(binding, {"COSMOS": COSMOS}, 1, datetime.now(UTC))

    @pytest.mark.verified("docs", feature="Cosmos DB trigger: settings")
    def test_defaults_are_those_of_the_extension(self) -> None:
        binding = only_function(Recorder().app(start_from_beginning=False)).trigger
        now = datetime(2026, 11, 23, tzinfo=UTC)
        options = CosmosTriggerOptions.from_binding(binding, {"COSMOS": COSMOS}, 1, now)
        assert (5.0, 13.0, 17.0, 60.0, None) == (
            options.feed.poll_delay,
            options.feed.acquire_interval,
            options.feed.renew_interval,
            options.feed.expiration,
            options.feed.max_items,
        )
        assert ("db", "leases", 1.0) == (
            options.lease_database,
            options.lease_container,
            (now - options.feed.start_time).total_seconds(),
        )

    @pytest.mark.verified("docs", feature="--hurry")
    @pytest.mark.parametrize(("poll_ms", "hurry", "seconds"), [(500, 10, 0.05), (100, 10, 0.025), (10, 10, 0.01)])
    def test_hurry_leaves_polls_at_25_ms_or_as_they_are(self, poll_ms: int, hurry: float, seconds: float) -> None:
        binding = only_function(Recorder().app(feed_poll_delay=poll_ms)).trigger
        options = CosmosTriggerOptions.from_binding(binding, {"COSMOS": COSMOS}, hurry, datetime.now(UTC))
        assert seconds == options.feed.poll_delay

    @pytest.mark.verified("docs", feature="Identity-based connections")
    def test_an_identity_based_connection_is_named_as_not_supported(self) -> None:
        binding = only_function(Recorder().app()).trigger
        environment = {"COSMOS__accountEndpoint": "https://x.documents.azure.com"}
        with pytest.raises(BindingError, match="identity-based connections are not supported"):
            CosmosTriggerOptions.from_binding(binding, environment, 1, datetime.now(UTC))
