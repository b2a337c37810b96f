"""`operate views refold`, after somebody has rewritten an event in the local Cosmos DB."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from emulators.cosmos.server import CosmosServer
from engine.services import Services
from operate import views
from operate.failure import CommandFailed
from projections.order_details import ORDER_DETAILS
from projections.order_history import ORDER_HISTORY
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

    async def feed(self) -> None:
        """Brings to the read models what the change feed would bring after a lease was lost: every event."""
        items = [item async for item in self.events.read_all_items()]
        for each in READ_MODELS:
            await self.services.feeding.run(each, items)

    async def rewrite(self, version: int, customer_id: str) -> None:
        """Replaces an event in place, as docs/operations.md says."""
        item = await self.events.read_item(f"{version:010}", STREAM)
        data = {**item["data"], "customerId": customer_id}
        await self.events.replace_item(item["id"], {**item, "data": data})

    async def history(self, customer_id: str) -> Sequence[tuple[str, str]]:
        page = await self.services.queries.page(ORDER_HISTORY, customer_id, "1~", "2~", 10)
        return [(each.order_id, each.status) for each in page.views]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        async with (
            build(settings) as services,
            CosmosClient.from_connection_string(server.connection_string) as client,
        ):
            yield Desk(environment, services, client.get_database_client("orders").get_container_client("events"))


@pytest.fixture
async def cancelled(desk: Desk) -> Desk:
    """Ada has placed an order and cancelled it, and the read models know."""
    await desk.services.commands.handle(ORDER, context("c-1").to(STREAM, PLACE))
    await desk.services.commands.handle(ORDER, context("c-2").to(STREAM, CancelOrder("no")))
    await desk.feed()
    return desk


async def refolded(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Sequence[Mapping[str, Any]]:
    capsys.readouterr()
    await views.refold(desk.environment, STREAM, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_an_order_of_an_erased_customer_is_shown_once_and_never_under_the_old_id(
    cancelled: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in (1, 2):
        await cancelled.rewrite(version, "erased-1")
    await cancelled.feed()
    assert [[("o-1", "cancelled")]] * 2 == [await cancelled.history(each) for each in ("ada", "erased-1")]
    expected = [
        {"readModel": "order-details", "generation": 1, "version": 2, "deleted": 0},
        {"readModel": "order-history", "generation": 1, "version": 2, "deleted": 1},
    ]
    assert expected == await refolded(cancelled, capsys)
    for _ in range(2):
        assert ([], [("o-1", "cancelled")]) == (await cancelled.history("ada"), await cancelled.history("erased-1"))
        seen = await cancelled.services.queries.view(ORDER_DETAILS, STREAM)
        assert ("erased-1", 2) == (seen.view.customer_id, seen.version)
        await cancelled.feed()
    assert [0, 0] == [each["deleted"] for each in await refolded(cancelled, capsys)]


async def test_an_event_that_was_forgotten_is_named(cancelled: Desk) -> None:
    await cancelled.rewrite(1, "erased-1")
    with pytest.raises(CommandFailed, match=r"order-history@1 .* event 2 says another partition than event 1"):
        await views.refold(cancelled.environment, STREAM, as_json=True)
    await cancelled.rewrite(2, "erased-1")
    await views.refold(cancelled.environment, STREAM, as_json=True)
    assert ([], [("o-1", "cancelled")]) == (await cancelled.history("ada"), await cancelled.history("erased-1"))


async def test_a_stream_that_is_not_there_is_told(desk: Desk) -> None:
    ended = await operate("views", "refold", "order-o-9", COSMOS=desk.environment["COSMOS"])
    said = "there is no stream 'order-o-9': `operate streams list` shows what there is"
    assert (3, said) == (ended.status, ended.complaint)
