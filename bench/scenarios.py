"""Commands and queries of one kind each, against a Cosmos DB in this process that notes every request it gets."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bench.cloud import settings
from bench.material import CUSTOMER, new_context, new_id, new_item
from composition.provisioning import provision_database
from composition.services import build
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, OrderCommand, PlaceOrder, ShipOrder
from domain.order.events import OrderCancelled, OrderEvent, OrderLine, OrderPlaced
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from emulators.cosmos.records import RequestRecord
from emulators.cosmos.server import CosmosServer
from engine.commands.errors import UnknownStream
from engine.deciding.decider import DomainError
from engine.services import Services
from engine.storing.items import to_item
from engine.triggers.http_requests import CommandRequest
from projections.order_details import ORDER_DETAILS


@dataclass(frozen=True, slots=True)
class Rig:
    """Two processes' worth of the service over one account: what `rival` writes, the caches of `ours` do not know."""

    server: CosmosServer
    ours: Services
    rival: Services

    async def requests_of(self, work: Callable[[], Awaitable[object]]) -> Sequence[RequestRecord]:
        """What the server was asked while `work` ran; a refusal is an answer like any other."""
        self.server.requests.clear()
        with suppress(DomainError, UnknownStream):
            await work()
        return list(self.server.requests)


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Both processes have connected, and know containers and partitions: what is counted is the work alone."""
    async with CosmosServer.start() as server:
        known = settings(server.url)
        await provision_database(known, lambda _: None)
        async with build(known) as ours, build(known) as rival:
            made = Rig(server, ours, rival)
            for services in (ours, rival):
                order = Order.of_size(1024)
                await order.place(services)
                await _project(services, order.stream_id)
                await services.queries.view(ORDER_DETAILS, order.stream_id)
                await _receive(services, order.order_id)
            yield made


@dataclass(frozen=True, slots=True)
class Order:
    """An order whose events, as items in the store, have about the size asked for: `filler` does that."""

    order_id: str
    size: int

    @classmethod
    def of_size(cls, size: int) -> "Order":
        return cls(new_id(), size)

    @property
    def stream_id(self) -> str:
        return ORDER.stream_id(self.order_id)

    async def place(self, services: Services) -> None:
        command = PlaceOrder(self.order_id, CUSTOMER, _lines(self._filler(1)))
        await services.commands.handle(ORDER, new_context().to(self.stream_id, command), probably_new=True)

    async def confirm(self, services: Services) -> None:
        await self._handle(services, ConfirmOrder())

    async def cancel(self, services: Services, context: CommandRequest[None] | None = None) -> None:
        await self._handle(services, CancelOrder(self._filler(2)), context)

    async def ship(self, services: Services) -> None:
        await self._handle(services, ShipOrder("DHL", "T-1"))

    async def _handle(
        self, services: Services, command: OrderCommand, context: CommandRequest[None] | None = None
    ) -> None:
        await services.commands.handle(ORDER, (context or new_context()).to(self.stream_id, command))

    def _filler(self, version: int) -> str:
        events: dict[int, OrderEvent] = {
            1: OrderPlaced(self.order_id, CUSTOMER, _lines("")),
            2: OrderCancelled(self.order_id, CUSTOMER, ""),
        }
        return "x" * (self.size - item_size(self.stream_id, version, events[version]))


def item_size(stream_id: str, version: int, event: object) -> int:
    """Bytes of the item as it is sent, without what the service adds to it."""
    return len(json.dumps(new_item(stream_id, version, event), separators=(",", ":")))


Scenario = Callable[[Rig, int], Awaitable[Sequence[RequestRecord]]]


async def starts_its_stream(rig: Rig, size: int) -> Sequence[RequestRecord]:
    return await rig.requests_of(lambda: Order.of_size(size).place(rig.ours))


async def warm(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.ours)
    return await rig.requests_of(lambda: order.cancel(rig.ours))


async def cold(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.rival)
    return await rig.requests_of(lambda: order.cancel(rig.ours))


async def conflicting(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.ours)
    await order.confirm(rig.rival)
    return await rig.requests_of(lambda: order.cancel(rig.ours))


async def sent_again(rig: Rig, size: int) -> Sequence[RequestRecord]:
    """To a process whose cache is older than the first time."""
    order, context = Order.of_size(size), new_context()
    await order.place(rig.ours)
    await order.cancel(rig.rival, context)
    return await rig.requests_of(lambda: order.cancel(rig.ours, context))


async def refused_warm(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.ours)
    return await rig.requests_of(lambda: order.ship(rig.ours))


async def refused_cold(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.rival)
    return await rig.requests_of(lambda: order.ship(rig.ours))


async def cold_with_snapshot(rig: Rig, _size: int) -> Sequence[RequestRecord]:
    """A stock stream of 120 events, whose snapshot is at 100."""
    sku = new_id()
    for _ in range(120):
        await _receive(rig.rival, sku)
    return await rig.requests_of(lambda: _receive(rig.ours, sku))


async def view(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.ours)
    await _project(rig.ours, order.stream_id)
    return await rig.requests_of(lambda: rig.ours.queries.view(ORDER_DETAILS, order.stream_id, 1))


async def view_behind(rig: Rig, size: int) -> Sequence[RequestRecord]:
    order = Order.of_size(size)
    await order.place(rig.ours)
    await _project(rig.ours, order.stream_id)
    await order.cancel(rig.ours)
    return await rig.requests_of(lambda: rig.ours.queries.view(ORDER_DETAILS, order.stream_id, 2))


async def view_of_nothing(rig: Rig, size: int) -> Sequence[RequestRecord]:
    return await rig.requests_of(lambda: rig.ours.queries.view(ORDER_DETAILS, Order.of_size(size).stream_id))


def kinds(records: Sequence[RequestRecord]) -> list[str]:
    """`batch read+create` says what was in a transactional batch, `… 207` that it was not carried out."""
    return [_kind(record) for record in records]


def _kind(record: RequestRecord) -> str:
    operations = f" {'+'.join(operation.lower() for operation in record.operations)}" if record.operations else ""
    status = f" {record.status}" if record.status == 207 or record.status >= 400 else ""
    return f"{record.kind}{operations}{status}"


async def _project(services: Services, stream_id: str) -> None:
    events = await services.commands.store.read(stream_id)
    await services.projector.run(ORDER_DETAILS, [to_item(event) for event in events])


async def _receive(services: Services, sku: str) -> None:
    await services.commands.handle(STOCK, new_context().to(STOCK.stream_id(sku), ReceiveStock(sku, 1)))


def _lines(filler: str) -> tuple[OrderLine, ...]:
    return (OrderLine(f"mug{filler}", 2, Money(1250, "EUR")),)


def charge(records: Sequence[RequestRecord]) -> float:
    return float(sum(record.charge for record in records))
