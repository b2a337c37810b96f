"""The budgets of round trips and request units, as the local server counts them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench import scenarios
from bench.round_trips import KINDS, MOST_RU_VIEW, MOST_RU_WARM, Kind
from bench.scenarios import Rig, charge, kinds, rig

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def account() -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
async def test_it_takes_the_round_trips_of_its_budget(account: Rig, kind: Kind) -> None:
    records = await kind.scenario(account, 1024)
    assert kind.budget == len(records) - kind.parallel, kinds(records)


async def test_a_warm_command_is_one_batch_of_a_guard_and_its_event(account: Rig) -> None:
    assert ["batch read+create"] == kinds(await scenarios.warm(account, 1024))


async def test_a_command_that_starts_its_stream_is_one_batch_of_its_event(account: Rig) -> None:
    assert ["batch create"] == kinds(await scenarios.starts_its_stream(account, 1024))


async def test_a_cold_command_reads_its_stream_in_one_query(account: Rig) -> None:
    assert ["query", "batch read+create"] == kinds(await scenarios.cold(account, 1024))


async def test_a_conflict_adds_one_look_up_before_the_command_is_decided_again(account: Rig) -> None:
    refused, look_up, again = kinds(await scenarios.conflicting(account, 1024))
    assert ("batch read+create 207", "query", "batch read+create") == (refused, look_up, again)


async def test_a_command_that_took_effect_is_found_by_the_look_up(account: Rig) -> None:
    assert ["batch read+create 207", "query"] == kinds(await scenarios.sent_again(account, 1024))


async def test_a_refusal_is_confirmed_by_the_primary(account: Rig) -> None:
    for scenario in (scenarios.refused_warm, scenarios.refused_cold):
        query, head = kinds(await scenario(account, 1024))
        assert ("query", "batch read 207") == (query, head)


async def test_a_snapshot_is_read_beside_the_newest_events(account: Rig) -> None:
    snapshot, newest, append = kinds(await scenarios.cold_with_snapshot(account, 1024))
    assert ({"read", "query"}, "batch read+create") == ({snapshot, newest}, append)


async def test_a_warm_command_costs_at_most_8_request_units_for_an_item_of_1_kilobyte(account: Rig) -> None:
    assert charge(await scenarios.warm(account, 1024)) <= MOST_RU_WARM


async def test_a_view_costs_1_request_unit(account: Rig) -> None:
    records = await scenarios.view(account, 1024)
    assert (["read"], MOST_RU_VIEW) == (kinds(records), charge(records))
