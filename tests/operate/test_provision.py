"""`operate provision` makes the containers, and sets the throughput that is asked for."""

from collections.abc import AsyncIterator

import pytest

from emulators.cosmos.server import CosmosServer
from tests.operate.process import Ended, operate


@pytest.fixture
async def cosmos() -> AsyncIterator[CosmosServer]:
    async with CosmosServer.start(port=0) as server:
        yield server


async def provision(cosmos: CosmosServer, *arguments: str) -> Ended:
    return await operate("provision", *arguments, COSMOS=cosmos.connection_string, COSMOS_DATABASE="shop")


async def test_throughput_is_set_when_the_database_is_made_and_changed_afterwards(cosmos: CosmosServer) -> None:
    made = await provision(cosmos, "--throughput", "autoscale:4000")
    assert 0 == made.status, made.complaint
    assert "shop: throughput autoscale:4000" == made.out.splitlines()[0]
    assert "shop/events: created" in made.out.splitlines()
    changed = await provision(cosmos, "--throughput", "autoscale:6000", "--json")
    assert '{"throughput": "autoscale:6000"}' == changed.out.splitlines()[0]


async def test_throughput_of_the_other_kind_is_refused_with_the_way_to_migrate(cosmos: CosmosServer) -> None:
    await provision(cosmos, "--throughput", "autoscale:4000")
    refused = await provision(cosmos, "--throughput", "manual:400")
    assert (1, "") == (refused.status, refused.out)
    assert "database shop has autoscale:4000; manual:400 can be set when a database is created" in refused.complaint


async def test_a_serverless_account_has_none(cosmos: CosmosServer) -> None:
    ended = await provision(cosmos, "--throughput", "serverless")
    assert (0, "shop: throughput none of the database's own") == (ended.status, ended.out.splitlines()[0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("4000", "'4000' is no throughput: give serverless, autoscale:4000 or manual:400"),
        ("autoscale:500", "autoscale throughput is 1000 RU/s at least"),
        ("manual:450", "manual throughput comes in steps of 100 RU/s"),
    ],
)
async def test_what_is_no_throughput_is_refused_before_anything_is_done(
    cosmos: CosmosServer, text: str, complaint: str
) -> None:
    ended = await provision(cosmos, "--throughput", text)
    assert (2, "") == (ended.status, ended.out)
    assert complaint in ended.err
