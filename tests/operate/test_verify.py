"""`operate verify` over the local Cosmos DB, while the service writes, and after strangers have."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.aio import DatabaseProxy

from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now
from engine.consuming.feed.leases import monitored
from engine.reacting.followers import followers
from engine.services import Services
from engine.storing.containers import EVENTS, LEASES
from engine.storing.cosmos_account import open_client
from operate import verify
from operate.failure import CommandFailed
from tests.engine.contexts import context
from tests.operate.process import operate
from tests.settings import NO_BUS

STREAM = "order-o-1"
READS = {"account", "read_container", "pkranges", "query", "query_plan", "feed", "read"}


def place(number: int | str) -> PlaceOrder:
    return PlaceOrder(f"o-{number}", "ada", (OrderLine("mug", 1, Money(100, "EUR")),))


@dataclass(frozen=True)
class Desk:
    """The consumers of the feed are not run by a host here; `feed` does what they would."""

    server: CosmosServer
    environment: Mapping[str, str]
    services: Services
    database: DatabaseProxy

    async def ordered(self, number: int | str) -> None:
        await self.services.commands.handle(ORDER, context(f"p-{number}").to(f"order-o-{number}", place(number)))

    async def feed(self) -> None:
        """Brings everything to the read models, and notes it in the leases."""
        items = [item async for item in self.database.get_container_client(EVENTS.name).read_all_items()]
        for each in READ_MODELS:
            await self.services.feeding.run(each, items)
        await self.leases()

    async def leases(self) -> None:
        """Has everybody go past all that was written."""
        events = self.database.get_container_client(EVENTS.name)
        of = monitored("localhost", (await events.read())["_rid"])
        newest = self.server.account.catalog.container("orders", EVENTS.name).lsn
        for name in followers(READ_MODELS):
            await self.database.get_container_client(LEASES.name).upsert_item(
                {
                    "id": f"{name}-{of}0",
                    "FeedRange": {"Range": {"min": "", "max": "FF"}},
                    "Owner": "host",
                    "ContinuationToken": f'"{newest}"',
                    "timestamp": utc_now().replace(tzinfo=None).isoformat() + "Z",
                }
            )

    async def place(self, item_id: str, change: Mapping[str, Any]) -> None:
        """Writes an item as a stranger's script does: a copy of the first event, but for this."""
        events = self.database.get_container_client(EVENTS.name)
        first = await events.read_item("0000000001", STREAM)
        await events.upsert_item({**first, "id": item_id, "commandKey": f"stranger/{item_id}", **change})

    async def verified(self, capsys: pytest.CaptureFixture[str], **options: Any) -> Sequence[tuple[str, str]]:
        """Kind and stream, or consumer, of each finding."""
        capsys.readouterr()
        asked = {"state": None, "ru_per_second": None, "unended_after": timedelta(days=14), **options}
        with contextlib.suppress(CommandFailed):
            await verify.run(self.environment, **asked, as_json=True)
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(row["finding"], row["stream"] or row["consumer"]) for row in rows]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """An order was placed an hour ago, and cancelled."""
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        async with build(settings) as services, open_client(settings.engine.cosmos) as client:
            desk = Desk(server, environment, services, client.get_database_client("orders"))
            server.clock.advance(-3600)
            await desk.ordered(1)
            await services.commands.handle(ORDER, context("c-1").to(STREAM, CancelOrder("no")))
            server.clock.advance(3600)
            await desk.feed()
            yield desk


async def test_where_all_is_well_it_says_so_and_writes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.requests.clear()
    await verify.run(desk.environment, None, None, timedelta(days=14), as_json=True)
    said = capsys.readouterr()
    assert ("", "all is as it must be") == (said.out, said.err.splitlines()[-1])
    asked = list(desk.server.requests)
    assert READS | {"batch"} >= {record.kind for record in asked}
    assert {("Read",)} >= {record.operations for record in asked if record.kind == "batch"}


async def test_what_strangers_have_written_is_found(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.place("0000000004", {"version": 4})
    await desk.place("0000000002b", {"version": 2})
    await desk.place("note", {"streamId": "note", "version": None})
    await desk.place("0000000001", {"streamId": "order-o-2", "type": "OrderVanished"})
    await desk.place("0000000001", {"streamId": "order-o-3", "data": {}})
    await desk.leases()
    found = await desk.verified(capsys)
    assert [
        ("fork", STREAM), ("gap", STREAM), ("newer", "order-o-2"), ("no-event", "note"), ("undecodable", "order-o-3"),
    ] == sorted(found)  # fmt: skip


async def test_views_that_were_edited_or_deleted_are_found(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    details = desk.database.get_container_client("order-details")
    stored = await details.read_item(f"1~{STREAM}", f"1~{STREAM}")
    await details.upsert_item({**stored, "view": {**stored["view"], "customerId": "bob"}})
    await details.upsert_item({**stored, "id": "1~order-o-9"})
    await desk.database.get_container_client("order-history").delete_item(f"1~{STREAM}", "ada")
    found = await desk.verified(capsys)
    assert [("view-behind", STREAM), ("view-differs", STREAM), ("view-without-stream", "order-o-9")] == sorted(found)


async def test_sums_that_were_edited_or_are_not_counted_are_found(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    sales = desk.database.get_container_client("sales")
    items = [item async for item in sales.read_all_items()]
    (counter,) = [item for item in items if item["id"] == item["bucket"]]
    (key, *_) = [key for key in counter["sums"] if key.endswith("ordersPlaced")]
    edited = {**counter, "sums": {**counter["sums"], key: 7}}
    await sales.upsert_item(edited)
    assert [("view-differs", "sales@2")] == await desk.verified(capsys)
    await sales.upsert_item({**counter, "sums": None})
    assert [("view-differs", "sales@2")] == await desk.verified(capsys)
    await sales.delete_item(counter["id"], counter["bucket"])
    assert [("view-differs", "sales@2")] == await desk.verified(capsys)
    await sales.upsert_item(counter)
    assert [] == await desk.verified(capsys)
    await sales.delete_item(f"{STREAM}~1", counter["bucket"])
    assert [("view-behind", STREAM), ("view-differs", "sales@2")] == await desk.verified(capsys)


async def test_sums_of_a_stream_that_cannot_be_read_are_not_compared(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    events = desk.database.get_container_client(EVENTS.name)
    first = await events.read_item("0000000001", STREAM)
    await events.upsert_item({**first, "type": "OrderVanished"})
    await desk.leases()
    assert [("newer", STREAM)] == await desk.verified(capsys)


async def test_while_the_service_writes_nothing_is_found(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither what is written while it reads, nor what the read models have not handled yet."""
    stop = asyncio.Event()

    async def writer(name: str) -> int:
        written = 0
        while not stop.is_set():
            await desk.ordered(f"{name}-{written}")
            stream = f"order-o-{name}-{written}"
            await desk.services.commands.handle(ORDER, context(f"c-{stream}").to(stream, CancelOrder("no")))
            if written % 3 == 0:
                await desk.feed()
            written += 1
        return written

    writers = [asyncio.create_task(writer(name)) for name in "abc"]
    try:
        for _ in range(5):
            assert [] == await desk.verified(capsys)
    finally:
        stop.set()
        written = await asyncio.gather(*writers)
    assert min(written) > 0
    await desk.feed()
    assert [] == await desk.verified(capsys)


async def test_the_exit_status_is_for_a_timer(desk: Desk) -> None:
    cosmos = desk.environment["COSMOS"]
    ended = await operate("verify", COSMOS=cosmos)
    assert (0, "") == (ended.status, ended.out), ended.err
    await desk.place("0000000002b", {"version": 2})
    ended = await operate("verify", "--json", COSMOS=cosmos)
    assert 4 == ended.status
    assert ["fork"] == [json.loads(line)["finding"] for line in ended.out.splitlines()]
    assert "operate: 1 finding: docs/operations.md says what to do about each kind" == ended.err.splitlines()[-1]


async def test_one_that_was_interrupted_goes_on(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2, 40):
        await desk.ordered(number)
    await desk.feed()
    state = tmp_path / "state"
    with monkeypatch.context() as interrupted:
        interrupted.setattr(verify, "gauges", _interrupted_after_a_page)
        with pytest.raises(KeyError):
            await verify.run(desk.environment, state, 100_000, timedelta(days=14), as_json=True)
    assert state.exists()
    desk.server.requests.clear()
    await verify.run(desk.environment, state, None, timedelta(days=14), as_json=True)
    feeds = [record for record in desk.server.requests if (record.kind, record.container) == ("feed", EVENTS.name)]
    # One per consumer for its lag, and the end of the walk: the only page had been read.
    assert {304} == {record.status for record in feeds}
    assert not state.exists()


async def test_a_file_that_is_no_state_stays_as_it_is(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are no findings, and nothing that SQLite has written" * 50, encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(CommandFailed, match="is no state of a verification"):
        await verify.run(desk.environment, file, None, timedelta(days=14), as_json=True)
    assert before == file.read_bytes()


@contextlib.contextmanager
def _interrupted_after_a_page(_: str) -> Iterator[Callable[[Any], None]]:
    def gauge(_: Any) -> None:
        raise KeyError

    yield gauge
