"""`operate streams` over a store with events that this build can read, and some that it cannot."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from emulators.cosmos.server import CosmosServer
from engine.services import Services
from engine.storing.limits import MAX_STREAM_BYTES
from operate import streams
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.folding import Moment
from tests.engine.contexts import context
from tests.operate.process import operate
from tests.settings import NO_BUS

STREAM = "order-o-1"
PLACE = PlaceOrder("o-1", "ada", (OrderLine("mug", 1, Money(100, "EUR")),))


@dataclass(frozen=True)
class Desk:
    environment: Mapping[str, str]
    services: Services
    events: ContainerProxy

    async def place(self, order_id: str) -> None:
        placing = PlaceOrder(order_id, "ada", PLACE.lines)
        await self.services.commands.handle(ORDER, context(f"c-{order_id}").to(ORDER.stream_id(order_id), placing))

    async def receive(self, times: int) -> None:
        for number in range(times):
            await self.services.commands.handle(STOCK, context(f"r-{number}").to("stock-mug", ReceiveStock("mug", 1)))
        await self.services.commands.idle()

    async def write(self, version: int, **change: Any) -> None:
        """Writes an item as a newer build, or a stranger, may."""
        first = await self.events.read_item("0000000001", STREAM)
        own = {name: value for name, value in first.items() if not name.startswith("_")}
        await self.events.create_item(
            {**own, "id": f"{version:010}", "version": version, "commandKey": f"k-{version}/0", **change}
        )


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        key = settings.engine.cosmos.key or ""
        async with build(settings) as services, CosmosClient(server.url, key) as client:
            events = client.get_database_client("orders").get_container_client("events")
            desk = Desk(environment, services, events)
            await desk.place("o-1")
            await services.commands.handle(ORDER, context("c-cancel").to(STREAM, CancelOrder("no")))
            yield desk


def lines(capsys: pytest.CaptureFixture[str]) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def refused(status: ExitStatus, said: str, work: Any) -> None:
    with pytest.raises(CommandFailed, match=re.escape(said)) as raised:
        await work
    assert status == raised.value.status


class TestList:
    async def test_it_goes_on_where_the_list_before_has_ended(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number in range(2, 6):
            await desk.place(f"o-{number}")
        await desk.receive(1)
        found, continuation = list[Mapping[str, Any]](), None
        while True:
            await streams.list_all(desk.environment, "order", 2, continuation, as_json=True)
            page = lines(capsys)
            if "continuation" not in page[-1]:
                break
            continuation = page.pop()["continuation"]
            assert re.fullmatch(r"[\w=-]+", continuation), "a shell takes it as it is"
            assert 2 == len(page)
            found += page
        found += page
        assert {f"order-o-{number}" for number in range(1, 6)} == {each["stream"] for each in found}
        assert {"OrderPlaced"} == {each["with"] for each in found}

    async def test_people_are_told_how_to_go_on_and_of_kinds_that_there_are_not(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.receive(1)
        await streams.list_all(desk.environment, None, 1, None, as_json=False)
        told = capsys.readouterr()
        assert ["stream", "began", "with"] == told.out.splitlines()[0].split()
        assert told.err.startswith("there are more: --continuation ")
        await streams.list_all(desk.environment, "orders", 1, None, as_json=False)
        assert "there are no streams of category 'orders'; there are order, " in capsys.readouterr().err

    @pytest.mark.parametrize("continuation", ["x", "eA==", "!", "bm9uc2Vuc2U="])
    async def test_a_continuation_that_is_none_is_a_wrong_argument(self, desk: Desk, continuation: str) -> None:
        listing = streams.list_all(desk.environment, None, 1, continuation, as_json=True)
        await refused(ExitStatus.USAGE, "that continuation is none of this list", listing)


class TestShow:
    async def test_what_events_say_is_there_when_asked_for_alone(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await streams.show(desk.environment, STREAM, 1, 50, payload=False, as_json=True)
        told = capsys.readouterr().out
        assert "ada" not in told
        first, second = map(json.loads, told.splitlines())
        stored = await desk.services.queries.store.read(STREAM)
        assert (1, "OrderPlaced", "c-o-1") == (first["version"], first["type"], first["causationId"])
        assert (2, "OrderCancelled", "c-cancel") == (second["version"], second["type"], second["causationId"])
        assert stored[0].metadata.traceparent.split("-")[1] == first["traceId"]
        assert 200 < first["bytes"] < 2_000
        assert "remark" not in first
        await streams.show(desk.environment, STREAM, 1, 50, payload=True, as_json=True)
        assert "ada" == lines(capsys)[0]["data"]["customerId"]

    async def test_a_part_is_shown_and_where_to_go_on(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        await streams.show(desk.environment, STREAM, 1, 1, payload=True, as_json=False)
        told = capsys.readouterr()
        assert '    "customerId": "ada",' in told.out.splitlines()
        assert "there are more: --from 2\n" == told.err
        await streams.show(desk.environment, STREAM, 2, 1, payload=False, as_json=True)
        told = capsys.readouterr()
        assert ("OrderCancelled", "") == (json.loads(told.out)["type"], told.err)

    async def test_what_this_build_cannot_read_is_shown_with_a_remark(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.write(3, schema=9)
        await desk.write(4, type="OrderSplit")
        await desk.write(7, data={"orderId": 7})
        await desk.write(8, metadata=None)
        await streams.show(desk.environment, STREAM, 1, 50, payload=False, as_json=True)
        remarks = [each.get("remark", "") for each in lines(capsys)]
        assert ["", ""] == remarks[:2]
        assert ["it is newer than this build: a type or schema that it does not know"] * 2 == remarks[2:4]
        unread = "this build cannot read it: "
        assert [
            f"versions 5 to 6 are missing before it; {unread}--payload says why",
            f"{unread}--payload says why",
        ] == remarks[4:]
        await streams.show(desk.environment, STREAM, 7, 50, payload=True, as_json=True)
        first, second = (each["remark"] for each in lines(capsys))
        assert first.startswith(f"{unread}its data is no OrderPlaced")
        assert second.startswith(f"{unread}its envelope cannot be read")

    async def test_what_is_not_there_is_named(self, desk: Desk) -> None:
        show = streams.show(desk.environment, "order-o-9", 1, 50, payload=False, as_json=True)
        await refused(ExitStatus.UNKNOWN, "there is no stream 'order-o-9': `operate streams list` shows", show)
        show = streams.show(desk.environment, STREAM, 3, 50, payload=False, as_json=True)
        await refused(ExitStatus.UNKNOWN, f"stream {STREAM} has not come to version 3: it is at 2", show)


class TestState:
    async def test_it_is_folded_as_it_is_and_as_it_was(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        placed_at, cancelled_at = (each.metadata.occurred_at for each in await desk.services.queries.store.read(STREAM))
        for moment, expected in (
            (Moment(), (2, "Cancelled")),
            (Moment(version=1), (1, "Placed")),
            (Moment(version=2), (2, "Cancelled")),
            (Moment(time=placed_at), (1, "Placed")),
            (Moment(time=cancelled_at), (2, "Cancelled")),
        ):
            await streams.state(desk.environment, STREAM, moment, as_json=True)
            (state,) = lines(capsys)
            assert expected == (state["version"], state["state"]), moment
            assert {"order_id": "o-1", "customer_id": "ada"} == state["data"]

    async def test_one_with_snapshots_is_shown_as_they_hold_it(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.receive(2)
        await streams.state(desk.environment, "stock-mug", Moment(), as_json=False)
        assert '    "onHand": 2,' in capsys.readouterr().out.splitlines()

    async def test_moments_before_and_after_it_are_named(self, desk: Desk) -> None:
        placed_at = (await desk.services.queries.store.read(STREAM))[0].metadata.occurred_at
        for moment, said in (
            (Moment(version=3), f"stream {STREAM} has not come to version 3: it is at 2"),
            (Moment(time=placed_at.replace(year=2020)), f"stream {STREAM} had not begun at 2020-"),
        ):
            await refused(ExitStatus.UNKNOWN, said, streams.state(desk.environment, STREAM, moment, as_json=True))
        unknown = streams.state(desk.environment, "parcel-1", Moment(), as_json=True)
        await refused(ExitStatus.UNKNOWN, "'parcel-1' is no stream of this service, whose ids begin with", unknown)
        unknown = streams.state(desk.environment, "order-o-9", Moment(), as_json=True)
        await refused(ExitStatus.UNKNOWN, "there is no stream 'order-o-9'", unknown)

    async def test_an_event_that_this_build_does_not_know_is_named_and_what_is_before_it_is_folded(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.write(3, schema=9)
        said = f"event 3 of stream {STREAM} is a OrderPlaced of schema 9, which this build does not know"
        await refused(ExitStatus.FAILED, said, streams.state(desk.environment, STREAM, Moment(), as_json=True))
        await streams.state(desk.environment, STREAM, Moment(version=2), as_json=True)
        assert "Cancelled" == lines(capsys)[0]["state"]


class TestSize:
    async def test_it_stands_beside_what_there_may_be(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        await desk.receive(60)
        await streams.size(desk.environment, "stock-mug", as_json=True)
        (size,) = lines(capsys)
        assert (60, 50) == (size["events"], size["snapshotVersion"])
        assert 60 * 300 < size["bytes"] < 60 * 2_000
        assert 0 < size["snapshotBytes"] < 2_000
        await streams.size(desk.environment, STREAM, as_json=False)
        told = capsys.readouterr().out
        assert re.search(rf"^bytes +[\d,]+, less than 0\.1% of {MAX_STREAM_BYTES:,}$", told, re.MULTILINE)
        assert "snapshot" not in told
        unknown = streams.size(desk.environment, "order-o-9", as_json=True)
        await refused(ExitStatus.UNKNOWN, "there is no stream 'order-o-9'", unknown)

    async def test_those_with_many_events_are_found_the_largest_first(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.receive(4)
        await desk.place("o-2")
        await streams.large(desk.environment, 2, 20, as_json=True)
        assert ["stock-mug", STREAM] == [each["stream"] for each in lines(capsys)]
        await streams.large(desk.environment, 2, 1, as_json=True)
        told = capsys.readouterr()
        assert 1 == len(told.out.splitlines())
        assert "these are 1 of more" in told.err
        await streams.large(desk.environment, 5, 20, as_json=False)
        assert ("", "no stream has 5 events\n") == capsys.readouterr()


async def test_the_command_line_ends_with_the_status_of_each(desk: Desk) -> None:
    for arguments, status in (
        (["list"], ExitStatus.DONE),
        (["show", STREAM, "--payload"], ExitStatus.DONE),
        (["show", "order-o-9"], ExitStatus.UNKNOWN),
        (["state", STREAM, "--as-of", "2026-11-23T12:00:00"], ExitStatus.USAGE),
        (["state", STREAM, "--as-of", "2026-11-23T12:00:00Z", "--at-version", "1"], ExitStatus.USAGE),
        (["show", STREAM, "--limit", "1001"], ExitStatus.USAGE),
    ):
        ended = await operate("streams", *arguments, COSMOS=desk.environment["COSMOS"])
        assert status == ended.status, (arguments, ended)
