"""Faults on request, and the budget of request units."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from azure.core.exceptions import IncompleteReadError, ServiceResponseError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError

from emulators.cosmos.faults import Effect, Fault
from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawClient, partition_key
from emulators.tests.cosmos.threaded import APIS, connected

WRITES = frozenset({"create", "upsert", "batch"})


@pytest.mark.verified("sdk", feature="Faults: 429 with x-ms-retry-after-ms")
async def test_an_sdk_waits_and_repeats_when_it_is_throttled(container: ContainerProxy, server: CosmosServer) -> None:
    server.faults.add(Fault(status=429, substatus=3200, retry_after_ms=1, kinds=frozenset({"create"}), times=3))

    await container.create_item({"id": "1", "pk": "a"})

    assert [429, 429, 429, 201] == [record.status for record in server.requests.of("create")]


@pytest.mark.verified("sdk", feature="Faults: a status for the n-th matching request")
@pytest.mark.parametrize("status", [408, 449])
async def test_the_third_write_of_a_partition_key_fails(
    container: ContainerProxy, server: CosmosServer, status: int
) -> None:
    server.faults.add(Fault(status=status, kinds=WRITES, container="items", partition_key="a", skip=2))

    await container.create_item({"id": "1", "pk": "a"})
    await container.create_item({"id": "1", "pk": "b"})
    await container.create_item({"id": "2", "pk": "a"})
    with pytest.raises(CosmosHttpResponseError) as refused:
        await container.create_item({"id": "3", "pk": "a"})
    await container.create_item({"id": "3", "pk": "a"})

    assert status == refused.value.status_code
    assert 1 == server.faults.struck()


@pytest.mark.verified("sdk", feature="Faults: 503, which the SDK repeats")
async def test_a_create_that_is_not_available_is_repeated_by_the_sdk(
    container: ContainerProxy, server: CosmosServer
) -> None:
    server.faults.add(Fault(status=503, kinds=WRITES))

    await container.create_item({"id": "1", "pk": "a"})

    assert [503, 201] == [record.status for record in server.requests.of("create")]


@pytest.mark.verified("sdk", feature="Faults: the answer is lost after the commit")
@pytest.mark.parametrize("client", ["aio"], indirect=True)
async def test_a_create_whose_answer_is_lost_conflicts_with_itself_when_the_sdk_repeats_it(
    container: ContainerProxy, server: CosmosServer
) -> None:
    server.faults.add(Fault(effect=Effect.LOSE_ANSWER, kinds=WRITES))

    with pytest.raises(CosmosResourceExistsError):
        await container.create_item({"id": "1", "pk": "a"})

    assert [201, 409] == [record.status for record in server.requests.of("create")]


@pytest.mark.verified("sdk", feature="Faults: the answer is lost after the commit")
@pytest.mark.parametrize("client", ["aio"], indirect=True)
async def test_an_increment_whose_answer_is_lost_counts_twice_when_the_sdk_repeats_it(
    container: ContainerProxy, server: CosmosServer
) -> None:
    await container.create_item({"id": "1", "pk": "a", "n": 0})
    server.faults.add(Fault(effect=Effect.LOSE_ANSWER, kinds=frozenset({"patch"})))

    await container.patch_item("1", "a", [{"op": "incr", "path": "/n", "value": 1}])

    assert 2 == (await container.read_item("1", "a"))["n"]


@pytest.mark.verified("sdk", feature="Faults: the answer is lost after the commit")
@pytest.mark.parametrize("client", ["sync"], indirect=True)
async def test_a_write_whose_answer_is_lost_is_not_repeated_by_the_synchronous_sdk(
    container: ContainerProxy, server: CosmosServer
) -> None:
    server.faults.add(Fault(effect=Effect.LOSE_ANSWER, kinds=WRITES))

    with pytest.raises(ServiceResponseError):
        await container.create_item({"id": "1", "pk": "a"})

    assert [201] == [record.status for record in server.requests.of("create")]


@pytest.mark.verified("sdk", feature="Faults: the answer is cut off after the commit")
async def test_a_write_whose_answer_is_cut_off_took_effect_and_is_not_repeated(
    container: ContainerProxy, server: CosmosServer
) -> None:
    server.faults.add(Fault(effect=Effect.CUT_ANSWER, kinds=WRITES))

    with pytest.raises(IncompleteReadError):
        await container.create_item({"id": "1", "pk": "a"})

    assert [201] == [record.status for record in server.requests.of("create")]
    assert "1" == (await container.read_item("1", "a"))["id"]


@pytest.mark.verified("sdk", feature="Faults: the answer is cut off after the commit")
@pytest.mark.parametrize("client", ["aio"], indirect=True)
async def test_a_deletion_has_no_answer_to_cut_and_loses_it(container: ContainerProxy, server: CosmosServer) -> None:
    await container.create_item({"id": "1", "pk": "a"})
    server.faults.add(Fault(effect=Effect.CUT_ANSWER, kinds=frozenset({"delete"})))

    with pytest.raises(CosmosResourceNotFoundError):
        await container.delete_item("1", "a")

    assert [204, 404] == [record.status for record in server.requests.of("delete")]


@pytest.mark.verified("docs", feature="Faults: the commit comes after the error")
async def test_a_write_may_take_effect_after_its_error_was_answered(
    raw_container: RawClient, server: CosmosServer
) -> None:
    server.faults.add(Fault(effect=Effect.COMMIT_LATE, status=408, kinds=WRITES, delay=3600))

    refused = await raw_container.create({"id": "1", "pk": "a"})
    before = await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))
    await server.faults.release()
    after = await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))

    assert (408, 404, 200) == (refused.status, before.status, after.status)


@pytest.mark.verified("docs", feature="Faults: the commit comes after the error")
async def test_a_late_commit_gives_way_to_a_write_that_came_first(
    raw_container: RawClient, server: CosmosServer
) -> None:
    server.faults.add(Fault(effect=Effect.COMMIT_LATE, kinds=WRITES, delay=3600))
    await raw_container.create({"id": "1", "pk": "a", "by": "late"})
    await raw_container.create({"id": "1", "pk": "a", "by": "first"})

    await server.faults.release()

    assert "first" == (await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))).json["by"]


@pytest.mark.verified("docs", feature="Faults: a share of the requests, seeded")
async def test_a_share_of_the_requests_fails_and_the_seed_says_which() -> None:
    async def failures(seed: int) -> list[int]:
        async with CosmosServer.start(seed=seed) as server, aiohttp.ClientSession() as session:
            raw = RawClient(server.url, session)
            server.faults.add(Fault(share=0.3, times=None, kinds=frozenset({"list_databases"})))
            return [(await raw.send("GET", "/dbs")).status for _ in range(100)]

    assert await failures(1) == await failures(1)
    assert await failures(1) != await failures(2)
    assert 15 < (await failures(1)).count(503) < 45


@pytest.mark.verified("docs", feature="Faults: over HTTP, for other processes")
async def test_faults_are_ordered_over_http(raw_container: RawClient, server: CosmosServer) -> None:
    async with aiohttp.ClientSession(server.url) as control:
        fault = {"status": 429, "substatus": 3200, "retryAfterMs": 7, "kinds": ["create"], "partitionKey": ["a"]}
        async with control.post("/_devstack/faults", json=fault) as ordered:
            assert 200 == ordered.status
        refused = await raw_container.create({"id": "1", "pk": "a"})
        async with control.get("/_devstack/faults") as told:
            assert {"struck": 1} == await told.json()
        async with control.post("/_devstack/faults", json={"effect": "explode"}) as misunderstood:
            assert 400 == misunderstood.status
        async with control.post("/_devstack/faults", json={"kinds": ["create"], "times": None}) as ordered:
            assert 200 == ordered.status
        async with control.delete("/_devstack/faults") as cleared:
            assert 200 == cleared.status

    assert (429, "7") == (refused.status, refused.headers["x-ms-retry-after-ms"])
    assert 201 == (await raw_container.create({"id": "1", "pk": "a"})).status


@pytest.mark.verified("docs", feature="Records of requests over HTTP")
async def test_other_processes_read_and_clear_the_record_of_requests(
    raw_container: RawClient, server: CosmosServer
) -> None:
    await raw_container.create({"id": "1", "pk": "a"})
    async with aiohttp.ClientSession(server.url) as control:
        async with control.get("/_devstack/health") as health:
            assert "ready" == (await health.json())["status"]
        async with control.get("/_devstack/requests") as told:
            last = (await told.json())[-1]
        async with control.get("/_devstack/requests/totals") as told:
            created = [each for each in await told.json() if each["kind"] == "create" and each["container"] == "items"]
        async with control.delete("/_devstack/requests"):
            pass
        async with control.get("/_devstack/nothing") as unknown:
            assert 404 == unknown.status

    assert ("create", "items", '["a"]', 201) == (
        last["kind"],
        last["container"],
        last["partitionKey"],
        last["status"],
    )
    assert [(201, 1)] == [(each["status"], each["count"]) for each in created]
    assert created[0]["charge"] > 0
    assert (0, []) == (len(server.requests), server.requests.totals())


@pytest.mark.verified("sdk", feature="Request units: a budget per second, 429 beyond it")
@pytest.mark.parametrize("api", APIS)
async def test_a_container_that_spent_its_budget_asks_to_wait_for_the_next_second(api: str) -> None:
    async with (
        CosmosServer.start(throughput=50, hurry=10) as server,
        connected(api, server.url, server.key) as client,
        aiohttp.ClientSession() as session,
    ):
        database = await client.create_database("shop")
        container = await database.create_container("items", PartitionKey("/pk"))
        raw = RawClient(server.url, session)

        statuses = [(await raw.create({"id": str(number), "pk": "a"})).status for number in range(30)]

        assert {201, 429} == set(statuses)
        await asyncio.wait_for(container.upsert_item({"id": "0", "pk": "a"}), 10)
