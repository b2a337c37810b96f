"""What every store of views promises."""

import uuid
from typing import Any

import pytest

from emulators.cosmos.server import CosmosServer
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.port import ViewConflict, ViewKey
from engine.storing.cosmos_account import open_client
from engine.telemetry.charges import counted
from tests.engine.contracts.conftest import Adapters
from tests.engine.contracts.connections import CONTAINERS, cosmos, provisioned


def key(partition: str | None = None) -> ViewKey:
    id_ = f"1~guest-{uuid.uuid4()}"
    return ViewKey(id_, partition or id_)


async def test_a_view_that_was_never_written_is_none(adapters: Adapters) -> None:
    assert await adapters.views.get("guest-details", key()) is None


async def test_a_view_comes_back_with_its_position(adapters: Adapters) -> None:
    at = key()
    await adapters.views.put("guest-details", at, {"id": at.id, "position": 3, "view": {"text": "ü\u2028"}}, None)
    stored = await adapters.views.get("guest-details", at)
    assert stored is not None
    assert (3, {"text": "ü\u2028"}) == (stored.position, stored.document["view"])


async def test_two_writers_of_a_view_never_both_win(adapters: Adapters) -> None:
    at = key()
    document: dict[str, Any] = {"id": at.id, "position": 1, "view": {}}
    await adapters.views.put("guest-details", at, document, None)
    with pytest.raises(ViewConflict):
        await adapters.views.put("guest-details", at, document, None)
    stored = await adapters.views.get("guest-details", at)
    assert stored is not None
    await adapters.views.put("guest-details", at, {**document, "position": 2}, stored.etag)
    with pytest.raises(ViewConflict):
        await adapters.views.put("guest-details", at, {**document, "position": 3}, stored.etag)


async def test_a_write_tells_the_etag_with_which_the_view_is_written_next(adapters: Adapters) -> None:
    at, etag = key(), None
    for position in (1, 2, 3):
        etag = await adapters.views.put("guest-details", at, {"id": at.id, "position": position, "view": {}}, etag)
        stored = await adapters.views.get("guest-details", at)
        assert stored is not None
        assert (position, etag) == (stored.position, stored.etag)


async def test_a_view_that_is_gone_is_a_conflict(adapters: Adapters) -> None:
    at = key()
    with pytest.raises(ViewConflict):
        await adapters.views.put("guest-details", at, {"id": at.id, "position": 1, "view": {}}, '"0"')


async def test_an_id_is_found_in_every_partition_and_deleted_in_one(adapters: Adapters) -> None:
    at, other = key("hill"), key("hill")
    elsewhere = ViewKey(at.id, "lake")
    for each in (at, elsewhere, other):
        document = {"id": each.id, "houseId": each.partition, "sortKey": "1~1", "position": 1, "view": {}}
        await adapters.views.put("house-guests", each, document, None)

    async def partitions() -> list[str]:
        return sorted(each.document["houseId"] for each in await adapters.views.find("house-guests", at.id))

    assert ["hill", "lake"] == await partitions()
    for _ in range(2):
        await adapters.views.delete("house-guests", elsewhere)
    assert ["hill"] == await partitions()
    assert await adapters.views.get("house-guests", at) is not None


async def test_a_partition_is_paged_highest_first(adapters: Adapters) -> None:
    house, other = f"h-{uuid.uuid4()}", f"h-{uuid.uuid4()}"
    for partition in (house, other):
        for n in (3, 1, 5, 2, 4):
            at = key(partition)
            document = {"id": at.id, "houseId": partition, "sortKey": f"1~{n}", "position": 1, "view": {"n": n}}
            await adapters.views.put("house-guests", at, document, None)

    async def page(sort_from: str, sort_below: str, limit: int) -> list[int]:
        found = await adapters.views.page("house-guests", house, sort_from, sort_below, limit)
        return [each["view"]["n"] for each in found]

    assert [5, 4] == await page("1~", "1\x7f", 2)
    assert [3, 2, 1] == await page("1~", "1~4", 10)
    assert [] == await page("2~", "2\x7f", 10)


async def test_documents_are_counted_by_the_value_of_a_path_in_every_partition(adapters: Adapters) -> None:
    mark = f"{uuid.uuid4()}"

    async def put(generation: int, view: Any) -> None:
        key = ViewKey(f"{mark}{generation}~guest-{uuid.uuid4()}", "")
        await adapters.views.put("guest-details", key, {"id": key.id, "position": 1, "view": view}, None)

    for view in ({"status": "arrived"}, {"status": "arrived"}, {"status": "left"}, {"status": None}, {}):
        await put(1, view)
    await put(2, {"status": "arrived"})

    async def counted(generation: int, status: str) -> int:
        return await adapters.views.count("guest-details", f"{mark}{generation}~", "view/status", status)

    assert [2, 1, 0] == [await counted(1, status) for status in ("arrived", "left", "dismissed")]
    assert [1, 0] == [await counted(2, status) for status in ("arrived", "left")]
    assert 0 == await counted(3, "arrived")


async def test_a_count_goes_on_over_a_split() -> None:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        views = CosmosViewStore(database.get_container_client)
        for number in range(12):
            key = ViewKey(f"1~guest-{number}", f"1~guest-{number}")
            await views.put("guest-details", key, {"id": key.id, "view": {"status": "arrived"}}, None)
        assert 12 == await views.count("guest-details", "1~", "view/status", "arrived")
        for partition in ("0", "1"):
            server.split("contract-tests", "guest-details", partition)
            assert 12 == await views.count("guest-details", "1~", "view/status", "arrived")
        async with open_client(cosmos(server.connection_string)) as another:
            anew = CosmosViewStore(another.get_database_client("contract-tests").get_container_client)
            server.requests.clear()
            with counted() as charge:
                assert 12 == await anew.count("guest-details", "1~", "view/status", "arrived")
        assert [200, 200, 200] == [each.status for each in server.requests.of("query")]
        assert charge.units == pytest.approx(sum(each.charge for each in server.requests))


async def test_documents_are_found_by_the_beginning_of_their_id_in_every_partition(adapters: Adapters) -> None:
    definition = next(each for each in CONTAINERS if each.name == "house-guests")
    mark = f"{uuid.uuid4()}"
    keys = [ViewKey(f"{mark}{n % 2}~guest-{n}", f"house-{mark}-{n % 3}") for n in range(6)]
    for key in keys:
        document = {"id": key.id, "houseId": key.partition, "sortKey": "1~1", "position": 1, "view": {}}
        await adapters.views.put("house-guests", key, document, None)

    async def beginning(prefix: str, limit: int = 10) -> set[ViewKey]:
        return set(await adapters.views.beginning(definition, prefix, limit))

    assert set(keys[::2]) == await beginning(f"{mark}0~")
    assert 2 == len(await beginning(f"{mark}0~", 2))
