"""Every answer right when Cosmos DB loses answers, commits late, throttles, fails, goes away or comes back empty.

Two hosts of the service run in this process, on the production adapters, over one Cosmos DB with lagging replicas.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import ConfirmOrder
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import RefundPayment, RequestPayment
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from emulators.cosmos.faults import Effect, Fault
from emulators.cosmos.server import CosmosServer
from engine.services import Services
from tests.engine.contexts import context
from tests.rest import Answered, Functions, functions, send
from tests.settings import settings_for

PLACE = {
    "customerId": "c-1",
    "lines": [{"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}],
}
_keys = count(1)


@dataclass
class Host:
    functions: Functions
    services: Services


@dataclass
class Deployment:
    server: CosmosServer
    hosts: list[Host]


@dataclass(frozen=True)
class Command:
    """A command of the REST interface, and what else may happen to its stream meanwhile."""

    function: str
    body: object
    route: dict[str, str]
    stream_id: str | None
    meanwhile: Callable[[Host, str], Awaitable[object]]

    async def send(self, host: Host, key: str) -> Answered:
        headers = {"Idempotency-Key": key}
        return await send(host.functions, self.function, self.body, headers=headers, params={}, **self.route)


async def _confirm(host: Host, stream_id: str) -> object:
    return await host.services.commands.handle(ORDER, context(f"confirm-{next(_keys)}").to(stream_id, ConfirmOrder()))


async def _receive(host: Host, stream_id: str) -> object:
    command = ReceiveStock(stream_id.removeprefix("stock-"), 5)
    return await host.services.commands.handle(STOCK, context(f"receive-{next(_keys)}").to(stream_id, command))


async def _refund(host: Host, stream_id: str) -> object:
    return await host.services.commands.handle(PAYMENT, context(f"refund-{next(_keys)}").to(stream_id, RefundPayment()))


async def placing(_: Host) -> Command:
    return Command("place_order", PLACE, {}, None, _confirm)


async def cancelling(host: Host) -> Command:
    placed = await send(host.functions, "place_order", PLACE)
    order_id = placed.body["orderId"]
    return Command("cancel_order", {"reason": "no"}, {"orderId": order_id}, f"order-{order_id}", _confirm)


async def shipping(host: Host) -> Command:
    placed = await send(host.functions, "place_order", PLACE)
    order_id, stream_id = placed.body["orderId"], placed.body["stream"]
    await _confirm(host, stream_id)
    body = {"carrier": "DHL", "trackingNumber": "T-1"}
    return Command("ship_order", body, {"orderId": order_id}, stream_id, _confirm)


async def reporting(host: Host) -> Command:
    order_id = f"o-{next(_keys)}"
    request = RequestPayment(order_id, Money(100, "EUR"))
    await host.services.commands.handle(PAYMENT, context(f"request-{order_id}").to(f"payment-{order_id}", request))
    body = {"outcome": "processed", "reference": "pay-1"}
    return Command("report_payment", body, {"orderId": order_id}, f"payment-{order_id}", _refund)


async def receiving(host: Host) -> Command:
    sku = f"mug-{next(_keys)}"
    await _receive(host, f"stock-{sku}")
    return Command("receive_stock", {"quantity": 3}, {"sku": sku}, f"stock-{sku}", _receive)


COMMANDS = pytest.mark.parametrize(
    "command_for", [placing, cancelling, shipping, reporting, receiving], ids=lambda each: each.__name__
)


def settings_of(server: CosmosServer) -> Settings:
    return settings_for(server.connection_string, "orders")


@asynccontextmanager
async def deployed(server: CosmosServer, hosts: int = 2) -> AsyncIterator[Deployment]:
    await provision_database(settings_of(server), lambda _: None)
    async with AsyncExitStack() as stack:
        built = [await stack.enter_async_context(build(settings_of(server))) for _ in range(hosts)]
        yield Deployment(server, [host_of(services) for services in built])


def host_of(services: Services) -> Host:
    async def connected() -> Services:
        return services

    return Host(functions(connected), services)


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with CosmosServer.start(lag=3, seed=11) as server, deployed(server) as deployment:
        yield deployment


async def effects(host: Host, stream_id: str, event_type: str) -> int:
    """How many events of the type the stream has, once the primary has shown its head."""
    await host.services.queries.store.is_head(stream_id, 0)
    events = await host.services.queries.store.read(stream_id)
    assert list(range(1, len(events) + 1)) == [event.version for event in events]
    return sum(event.type == event_type for event in events)


EVENT = {
    "place_order": "OrderPlaced",
    "cancel_order": "OrderCancelled",
    "ship_order": "OrderShipped",
    "report_payment": "PaymentProcessed",
    "receive_stock": "StockReceived",
}


async def takes_effect_once(deployment: Deployment, command: Command, key: str, before: int) -> Answered:
    """Sent to either host, again and again: one answer, one effect."""
    answers = [await command.send(host, key) for host in (*deployment.hosts, *deployment.hosts)]
    assert answers[0].status in (200, 201), answers[0].body
    assert all(each == answers[0] for each in answers)
    stream_id = answers[0].body["stream"]
    for host in deployment.hosts:
        assert before + 1 == await effects(host, stream_id, EVENT[command.function])
    return answers[0]


async def events_before(deployment: Deployment, command: Command) -> int:
    if command.stream_id is None:
        return 0
    return await effects(deployment.hosts[0], command.stream_id, EVENT[command.function])


@COMMANDS
class TestLostAnswers:
    async def test_one_lost_answer_is_not_even_noticed(
        self, deployment: Deployment, command_for: Callable[[Host], Awaitable[Command]]
    ) -> None:
        command = await command_for(deployment.hosts[0])
        before = await events_before(deployment, command)
        deployment.server.faults.add(Fault(Effect.LOSE_ANSWER, kinds=frozenset({"batch"})))
        first = await command.send(deployment.hosts[0], "k")
        assert first.status in (200, 201)
        assert first == await takes_effect_once(deployment, command, "k", before)

    @pytest.mark.parametrize("effect", [Effect.LOSE_ANSWER, Effect.CUT_ANSWER])
    @pytest.mark.parametrize("meanwhile", [False, True], ids=["at once", "after another command"])
    async def test_a_lost_outcome_is_503_and_the_same_request_finds_it(
        self,
        deployment: Deployment,
        command_for: Callable[[Host], Awaitable[Command]],
        meanwhile: bool,
        effect: Effect,
    ) -> None:
        one, other = deployment.hosts
        command = await command_for(one)
        before = await events_before(deployment, command)
        deployment.server.faults.add(Fault(effect, kinds=frozenset({"batch"}), times=None))
        lost = await command.send(one, "k")
        assert 503 == lost.status
        assert int(lost.headers["Retry-After"]) >= 10
        deployment.server.faults.clear()
        if meanwhile:
            written = [each.partition_key for each in deployment.server.requests if each.kind == "batch"]
            await command.meanwhile(other, json.loads(str(written[-1]))[0])
            before += command.function == "receive_stock"
        await takes_effect_once(deployment, command, "k", before)

    @pytest.mark.parametrize("status", [408, 500, 503])
    @pytest.mark.parametrize("late", [False, True], ids=["before the retry", "after the retry"])
    async def test_a_commit_after_an_error_counts_once(
        self, deployment: Deployment, command_for: Callable[[Host], Awaitable[Command]], status: int, late: bool
    ) -> None:
        one, other = deployment.hosts
        command = await command_for(one)
        before = await events_before(deployment, command)
        batches = frozenset({"batch"})
        deployment.server.faults.add(Fault(Effect.COMMIT_LATE, status=status, kinds=batches, times=None, delay=60))
        unknown = await command.send(one, "k")
        deployment.server.faults.clear()
        assert 503 == unknown.status
        assert int(unknown.headers["Retry-After"]) >= 10
        if late:
            first = await command.send(other, "k")
            await deployment.server.faults.release()
            assert first == await takes_effect_once(deployment, command, "k", before)
        else:
            await deployment.server.faults.release()
            await takes_effect_once(deployment, command, "k", before)


@COMMANDS
class TestRefusedRequests:
    @pytest.mark.parametrize(
        ("status", "asked_for", "retry_after"),
        [(429, 2500, "3"), (449, None, "1"), *((status, None, "10") for status in (408, 410, 500, 503))],
    )  # fmt: skip
    async def test_a_store_that_fails_is_503_and_the_retry_takes_effect_once(
        self,
        deployment: Deployment,
        command_for: Callable[[Host], Awaitable[Command]],
        status: int,
        asked_for: int | None,
        retry_after: str,
    ) -> None:
        command = await command_for(deployment.hosts[0])
        before = await events_before(deployment, command)
        fault = Fault(status=status, retry_after_ms=asked_for, kinds=frozenset({"batch"}), times=None)
        deployment.server.faults.add(fault)
        failed = await command.send(deployment.hosts[0], "k")
        assert (503, retry_after) == (failed.status, failed.headers["Retry-After"])
        deployment.server.faults.clear()
        await takes_effect_once(deployment, command, "k", before)

    @pytest.mark.parametrize("status", [408, 410, 429, 449, 503])
    async def test_a_store_that_cannot_be_read_is_503(
        self, deployment: Deployment, command_for: Callable[[Host], Awaitable[Command]], status: int
    ) -> None:
        one, cold = deployment.hosts
        command = await command_for(one)
        before = await events_before(deployment, command)
        deployment.server.faults.add(Fault(status=status, kinds=frozenset({"query", "read", "batch"}), times=None))
        failed = await command.send(cold, "k")
        assert 503 == failed.status
        assert int(failed.headers["Retry-After"]) >= 1
        deployment.server.faults.clear()
        await takes_effect_once(deployment, command, "k", before)


@pytest.mark.parametrize("status", [408, 410, 429, 449, 503])
async def test_a_query_that_cannot_be_answered_is_503(deployment: Deployment, status: int) -> None:
    host = deployment.hosts[0]
    order_id = (await send(host.functions, "place_order", PLACE)).body["orderId"]
    deployment.server.faults.add(Fault(status=status, kinds=frozenset({"query", "read", "batch"}), times=None))
    for function, route in (
        ("get_order", {"orderId": order_id}),
        ("get_order_events", {"orderId": order_id}),
        ("get_stock", {"sku": "mug"}),
        ("get_customer_orders", {"customerId": "c-1"}),
    ):
        failed = await send(host.functions, function, **route)
        assert 503 == failed.status, function
        assert int(failed.headers["Retry-After"]) >= 1


async def cancel(host: Host, order_id: str) -> Answered:
    headers = {"Idempotency-Key": "k"}
    return await send(host.functions, "cancel_order", {"reason": "no"}, headers=headers, orderId=order_id)


async def test_an_account_that_went_away_is_503_and_the_retry_takes_effect_once(tmp_path: Path) -> None:
    async with AsyncExitStack() as first_life:
        server = await first_life.enter_async_context(CosmosServer.start(data=tmp_path))
        async with deployed(server) as deployment:
            one, other = deployment.hosts
            order_id = (await send(one.functions, "place_order", PLACE)).body["orderId"]
            await first_life.aclose()
            for host in deployment.hosts:
                assert 503 == (await cancel(host, order_id)).status
            async with CosmosServer.start(port=server.port, data=tmp_path):
                cancelled = [await cancel(host, order_id) for host in (one, other, one)]
    assert [(200, 2)] * 3 == [(each.status, each.body["version"]) for each in cancelled]


async def test_an_account_that_came_back_empty_is_noticed_by_warm_hosts() -> None:
    async with AsyncExitStack() as first_life:
        server = await first_life.enter_async_context(CosmosServer.start())
        async with deployed(server) as deployment:
            host = deployment.hosts[0]
            order_id = (await send(host.functions, "place_order", PLACE)).body["orderId"]
            for _ in range(3):
                await send(host.functions, "receive_stock", {"quantity": 5}, sku="mug")
            await first_life.aclose()
            async with CosmosServer.start(port=server.port) as empty:
                await provision_database(settings_of(empty), lambda _: None)
                gone = await send(host.functions, "cancel_order", {"reason": "no"}, orderId=order_id)
                assert 404 == gone.status
                received = await send(host.functions, "receive_stock", {"quantity": 5}, sku="mug")
                assert (200, 1) == (received.status, received.body["version"])
                assert 5 == (await send(host.functions, "get_stock", sku="mug")).body["onHand"]


async def test_32_clients_on_one_stream_take_one_transaction(deployment: Deployment) -> None:
    host = deployment.hosts[0]
    await send(host.functions, "receive_stock", {"quantity": 1}, sku="mug")
    deployment.server.requests.clear()
    answers = await asyncio.gather(
        *(send(host.functions, "receive_stock", {"quantity": 1}, sku="mug") for _ in range(32))
    )
    assert list(range(2, 34)) == sorted(each.body["version"] for each in answers)
    assert ["batch"] == [each.kind for each in deployment.server.requests]


async def test_no_request_of_the_sdk_and_no_customer_reaches_the_log(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    host = deployment.hosts[0]
    with caplog.at_level(logging.INFO):
        placed = await send(host.functions, "place_order", {**PLACE, "customerId": "ada-lovelace"})
        await send(host.functions, "get_customer_orders", customerId="ada-lovelace")
        await send(host.functions, "get_order", orderId=placed.body["orderId"])
    assert "ada-lovelace" not in caplog.text
    assert [] == [record.name for record in caplog.records if record.name.startswith("azure")]
