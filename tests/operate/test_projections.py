"""`operate projections`, from the first status to the drop of the former generation."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import PlaceOrder
from domain.order.events import OrderLine
from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now
from engine.consuming.feed.leases import monitored
from engine.consuming.parked_streams.port import ParkedStream
from engine.projecting.generations import rebuild, switching
from engine.projecting.generations.ranges import FeedRanges
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.storing.containers import EVENTS, LEASES
from engine.storing.cosmos_account import open_client
from engine.storing.errors import FeedReset
from operate import projections as command
from operate.failure import CommandFailed
from projections.order_history import BY_CUSTOMER, ORDER_HISTORY
from tests.engine.contexts import context
from tests.operate.process import operate
from tests.settings import NO_BUS

NAME = "order-history"
NEXT = replace(ORDER_HISTORY, generation=2)
BOTH = ReadModel((ORDER_HISTORY, NEXT), (BY_CUSTOMER, replace(BY_CUSTOMER, projection=NEXT)))
ORDERS = [f"o-{number}" for number in range(5)]


@dataclass(frozen=True)
class Desk:
    environment: Mapping[str, str]
    services: Services

    async def shown(self, generation: int) -> Sequence[str]:
        projection = {1: ORDER_HISTORY, 2: NEXT}[generation]
        first, end = f"{generation}~", f"{generation}\x7f"
        page = await self.services.queries.page(projection, "ada", first, end, 10)
        return sorted(each.order_id for each in page.views)


def _environment(server: CosmosServer) -> Mapping[str, str]:
    return {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Ada has placed five orders, and the build has two generations of their history."""
    monkeypatch.setattr(command, "READ_MODELS", (BOTH,))
    for module in (rebuild, switching):
        monkeypatch.setattr(module, "SETTLED", 0.0)
    async with CosmosServer.start(port=0) as server:
        environment = _environment(server)
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        async with build(settings) as services:
            for order_id in ORDERS:
                place = PlaceOrder(order_id, "ada", (OrderLine("mug", 1, Money(100, "EUR")),))
                await services.commands.handle(ORDER, context(f"c-{order_id}").to(f"order-{order_id}", place))
            yield Desk(environment, services)


Capture = pytest.CaptureFixture[str]


def printed(capsys: Capture) -> Sequence[Mapping[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def states(desk: Desk, capsys: Capture) -> Sequence[tuple[int, str, bool]]:
    capsys.readouterr()
    await command.status(desk.environment, as_json=True)
    rows = [each for each in printed(capsys) if each.get("generation") is not None]
    return [(each["generation"], each["state"], each["written"]) for each in rows]


async def rebuilt(desk: Desk, to: int | None = None) -> None:
    await command.rebuild(desk.environment, NAME, to, ru_per_second=100_000, throughput_bucket=None, as_json=True)


async def test_a_row_per_consumer_says_who_has_it_and_how_far_it_is_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with CosmosServer.start(port=0) as server:
        environment = _environment(server)
        await provision_database(Settings.from_mapping(environment), lambda _: None)
        async with open_client(Settings.from_mapping(environment).engine.cosmos) as client:
            database = client.get_database_client("orders")
            of = monitored("localhost", (await database.get_container_client(EVENTS.name).read())["_rid"])
            await database.get_container_client(LEASES.name).upsert_item(
                {
                    "id": f"relay-{of}0",
                    "FeedRange": {"Range": {"min": "", "max": "FF"}},
                    "Owner": "host-1",
                    "ContinuationToken": '"0"',
                    "timestamp": "2026-11-23T06:24:15.7224104Z",
                }
            )
            server.requests.clear()
            await command.status(environment, as_json=True)
            written = {record.kind for record in server.requests} - _READS
    rows = [each for each in printed(capsys) if "partition" in each]
    assert set() == written
    unfollowed = {
        "partition": "00-FF", "lease": "missing", "documents": None, "seconds": None, "owner": None, "leaseAge": None,
    }  # fmt: skip
    assert [{"consumer": each.name, **unfollowed} for each in READ_MODELS] == rows[:-1]
    relay = dict(rows[-1])
    assert relay.pop("leaseAge") > 0
    assert {
        "consumer": "relay", "partition": "00-FF", "lease": "expired", "documents": 0, "seconds": 0.0,
        "owner": "host-1",
    } == relay  # fmt: skip


_READS = {"account", "read_container", "pkranges", "query", "query_plan", "feed", "batch"}


async def test_a_generation_is_built_takes_over_and_the_former_one_is_dropped(
    desk: Desk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [(1, "serves", True)] == await states(desk, capsys)
    await rebuilt(desk)
    (done,) = printed(capsys)
    assert (NAME, 2, "whole", 5) == tuple(done[each] for each in ("readModel", "generation", "state", "events"))
    assert ORDERS == await desk.shown(2)
    assert [(1, "serves", True), (2, "whole", True)] == await states(desk, capsys)
    await command.flip(desk.environment, NAME, None, with_parked=False, as_json=True)
    assert [(1, "whole", True), (2, "serves", True)] == await states(desk, capsys)
    with pytest.raises(CommandFailed, match="turn pages of before the flip"):
        await command.drop(desk.environment, NAME, 1, as_json=True)
    monkeypatch.setattr(command, "utc_now", lambda: utc_now() + timedelta(hours=1))
    await command.drop(desk.environment, NAME, 1, as_json=True)
    assert [(2, "serves", True)] == await states(desk, capsys)
    assert ([], ORDERS) == (await desk.shown(1), await desk.shown(2))


async def test_streams_that_a_generation_has_parked_are_counted_and_keep_it_from_taking_over(
    desk: Desk, capsys: Capture
) -> None:
    await rebuilt(desk)
    streams = desk.services.parked_streams
    parked = ParkedStream("order-o-1", 1, 1, 1, "OrderPlaced", "failed", "k", "no", "trace", 5, utc_now())
    for consumer in ("order-history@2", "relay"):
        await streams.park(consumer, parked)
    capsys.readouterr()
    await command.status(desk.environment, as_json=True)
    rows = [(each["consumer"], each["generation"], each["parked"]) for each in printed(capsys) if "parked" in each]
    assert [("order-history", 1, 0), ("order-history", 2, 1), ("relay", None, 1)] == rows
    with pytest.raises(CommandFailed, match=r"has parked order-o-1.*--with-parked"):
        await command.flip(desk.environment, NAME, None, with_parked=False, as_json=True)
    await command.flip(desk.environment, NAME, None, with_parked=True, as_json=True)


async def test_one_that_was_interrupted_is_told_and_goes_on(
    desk: Desk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as interrupted:
        interrupted.setattr(rebuild.Rebuild, "run", _up_to_the_wait)
        await rebuilt(desk)
    assert [(1, "serves", True), (2, "being built: 100% of the feed", True)] == await states(desk, capsys)
    with pytest.raises(CommandFailed, match="not whole yet"):
        await command.flip(desk.environment, NAME, 2, with_parked=False, as_json=True)
    await rebuilt(desk)
    assert (2, "whole", True) == (await states(desk, capsys))[1]


async def test_one_that_was_never_whole_is_dropped_with_what_it_has(desk: Desk, capsys: Capture) -> None:
    await rebuilt(desk)
    await command.drop(desk.environment, NAME, 2, as_json=True)
    assert ([(1, "serves", True)], []) == (await states(desk, capsys), await desk.shown(2))


async def test_what_is_not_there_is_told(desk: Desk) -> None:
    with pytest.raises(CommandFailed, match="this build has no generation 7 of order-history, but 1, 2"):
        await rebuilt(desk, 7)
    with pytest.raises(CommandFailed, match="is whole: there is nothing to build"):
        await rebuilt(desk, 1)
    with pytest.raises(CommandFailed, match="no generation but 1, which serves"):
        await command.flip(desk.environment, NAME, None, with_parked=False, as_json=True)
    with pytest.raises(CommandFailed, match="serves: flip to another one first"):
        await command.drop(desk.environment, NAME, 1, as_json=True)


async def test_a_read_model_that_is_not_there_is_told(desk: Desk) -> None:
    for step in (["rebuild"], ["flip"], ["drop", "--generation", "1"]):
        ended = await operate("projections", *step, "order-histroy", COSMOS=desk.environment["COSMOS"])
        assert (3, True) == (ended.status, ended.complaint.startswith("there is no read model 'order-histroy'"))


async def _up_to_the_wait(self: rebuild.Rebuild, read_model: ReadModel, consumer: Any, generation: int) -> None:
    """As far as it comes until the hosts write both."""
    walk = rebuild._Walk(self, FeedRanges(self.feed, self.sleep, self.room), read_model, consumer, generation)
    build = (await walk._begun()).build
    assert build is not None
    await walk._up_to_heads(build, "walking")
    await walk._change(build, walk._written)


async def test_a_store_that_was_made_anew_is_told_with_what_to_do(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reset(*_: object) -> None:
        raise FeedReset

    monkeypatch.setattr(rebuild.Rebuild, "run", reset)
    with pytest.raises(CommandFailed, match="restored, or made anew; drop generation 2 of order-history, and begin"):
        await rebuilt(desk)
