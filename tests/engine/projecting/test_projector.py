"""One batch of the change feed into one read model: order, repetition, holes, conflicts and failures."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from domain.stock.events import StockReceived
from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.errors import Unavailable
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import StoredDocument, ViewConflict, ViewKey
from engine.projecting.projector import Projector
from engine.storing.events import Metadata, StoredEvent
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Head
from engine.testing.specification import NOON
from projections.order_details import ORDER_DETAILS
from projections.order_history import ORDER_HISTORY
from projections.payment_status import PAYMENT_STATUS
from projections.stock_levels import STOCK_LEVELS
from tests.domain.histories import COMMANDS, history_of
from tests.registered import CODEC, PROJECTIONS

PLACED = OrderPlaced("o-1", "c-1", (OrderLine("mug", 1, Money(100, "EUR")),))
CONFIRMED = OrderConfirmed("o-1", "c-1")
CANCELLED = OrderCancelled("o-1", "c-1", "changed my mind")


class Views(MemoryViewStore):
    """Counts what is written, and lets others go first."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.conflicts = 0
        self.away = False

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        if self.away:
            raise Unavailable("away")
        return await super().get(container, key)

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise ViewConflict("somebody else")
        self.written += 1
        await super().put(container, key, document, etag)


class Service:
    """A store with its feed, the views, and the runner between them."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.views = Views()
        self.projector = Projector(self.store, CODEC, self.views)
        self._heads: dict[str, Head] = {}

    async def happened(self, stream_id: str, *events: object) -> list[dict[str, Any]]:
        """Appends the events in one transaction and gives their items, as the feed would."""
        position = self.store.commits().position
        head = self._heads.get(stream_id, Head(0, ""))
        stored = [
            stored_event(stream_id, version, event) for version, event in enumerate(events, start=head.version + 1)
        ]
        await self.store.append(stream_id, head, stored)
        self._heads[stream_id] = Head(stored[-1].version, stored[-1].metadata.event_id)
        return list(self.store.commits(position).items)

    async def position(self, container: str = "order-details", view_id: str = "1~order-o-1") -> int | None:
        document = await self.views.get(container, ViewKey(view_id, view_id))
        return None if document is None else document.position

    async def status(self) -> str:
        document = await self.views.get("order-details", ViewKey("1~order-o-1", "1~order-o-1"))
        assert document is not None
        return str(document.document["view"]["status"])


def stored_event(stream_id: str, version: int, event: object) -> StoredEvent:
    type_, schema, data = CODEC.encode(event)
    metadata = Metadata(f"{stream_id}/{version}", NOON, "c", "c", "t", "a", "f")
    return StoredEvent(stream_id, version, type_, schema, f"{stream_id}-{version}/0", data, metadata)


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_batch_is_projected_with_its_position(service: Service) -> None:
    await service.projector.run(ORDER_DETAILS, await service.happened("order-o-1", PLACED))
    assert (1, "placed") == (await service.position(), await service.status())


async def test_events_of_one_transaction_may_come_in_any_order_and_need_no_further_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = await service.happened("order-o-1", PLACED, CONFIRMED, CANCELLED)
    monkeypatch.setattr(service.store, "read", None)
    await service.projector.run(ORDER_DETAILS, list(reversed(items)))
    assert (3, "cancelled") == (await service.position(), await service.status())


async def test_a_view_is_written_once_per_batch(service: Service) -> None:
    await service.projector.run(ORDER_DETAILS, await service.happened("order-o-1", PLACED, CONFIRMED, CANCELLED))
    assert 1 == service.views.written


async def test_a_batch_that_comes_again_changes_nothing(service: Service) -> None:
    items = await service.happened("order-o-1", PLACED, CONFIRMED)
    await service.projector.run(ORDER_DETAILS, items)
    await service.projector.run(ORDER_DETAILS, items)
    assert (2, 1) == (await service.position(), service.views.written)


async def test_a_batch_that_comes_late_changes_nothing(service: Service) -> None:
    first = await service.happened("order-o-1", PLACED)
    second = await service.happened("order-o-1", CONFIRMED)
    await service.projector.run(ORDER_DETAILS, [*first, *second])
    await service.projector.run(ORDER_DETAILS, first)
    assert (2, "confirmed") == (await service.position(), await service.status())


async def test_a_hole_is_filled_from_the_store(service: Service) -> None:
    await service.happened("order-o-1", PLACED)
    items = await service.happened("order-o-1", CONFIRMED)
    await service.projector.run(ORDER_DETAILS, items)
    assert (2, "confirmed") == (await service.position(), await service.status())


async def test_a_hole_that_the_store_cannot_fill_yet_is_waited_for(service: Service) -> None:
    await service.happened("order-o-1", PLACED)
    items = await service.happened("order-o-1", CONFIRMED)
    service.store.lose("order-o-1", after=0)
    with pytest.raises(TransientFailure, match="does not show"):
        await service.projector.run(ORDER_DETAILS, items)
    assert await service.position() is None


async def test_a_view_that_somebody_else_wrote_is_read_again(service: Service) -> None:
    items = await service.happened("order-o-1", PLACED)
    service.views.conflicts = 2
    await service.projector.run(ORDER_DETAILS, items)
    assert 1 == await service.position()


async def test_streams_of_other_kinds_are_not_its_business(service: Service) -> None:
    items = await service.happened("stock-mug", StockReceived("mug", 10))
    await service.projector.run(ORDER_DETAILS, items)
    assert 0 == service.views.written


async def test_a_text_that_the_host_may_have_rewritten_is_read_from_the_store(service: Service) -> None:
    written = "2026-01-02T03:04:05.000Z"
    await service.projector.run(ORDER_DETAILS, await service.happened("order-o-1", PLACED))
    items = await service.happened("order-o-1", OrderCancelled("o-1", "c-1", written))
    rewritten = [{**item, "data": {**item["data"], "reason": "2026-01-02T03:04:05Z"}} for item in items]
    await service.projector.run(ORDER_DETAILS, rewritten)
    document = await service.views.get("order-details", ViewKey("1~order-o-1", "1~order-o-1"))
    assert document is not None
    assert written == document.document["view"]["cancellation"]["reason"]


class TestFailures:
    async def test_an_event_that_does_not_apply_is_permanent_and_holds_back_nobody_else(self, service: Service) -> None:
        broken = await service.happened("order-o-1", CONFIRMED)
        sound = await service.happened(
            "order-o-2", OrderPlaced("o-2", "c-1", (OrderLine("mug", 1, Money(100, "EUR")),))
        )
        with pytest.raises(
            PermanentFailure, match=r"order-details@1 cannot go on with stream order-o-1.*before OrderPlaced"
        ):
            await service.projector.run(ORDER_DETAILS, [*broken, *sound])
        assert (None, 1) == (await service.position(), await service.position(view_id="1~order-o-2"))

    async def test_data_that_cannot_be_read_is_permanent(self, service: Service) -> None:
        items = await service.happened("order-o-1", PLACED)
        with pytest.raises(PermanentFailure):
            await service.projector.run(ORDER_DETAILS, [{**items[0], "data": {"nonsense": 1}}])

    async def test_an_event_of_a_newer_build_is_waited_for(self, service: Service) -> None:
        items = await service.happened("order-o-1", PLACED)
        for newer in ({"schema": 2}, {"type": "OrderTeleported"}):
            with pytest.raises(TransientFailure, match="this build does not know"):
                await service.projector.run(ORDER_DETAILS, [{**items[0], **newer}])

    async def test_a_store_that_is_away_is_waited_for(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        items = await service.happened("order-o-1", PLACED)
        service.views.away = True
        with pytest.raises(TransientFailure, match="away"):
            await service.projector.run(ORDER_DETAILS, items)
        service.views.away = False

        async def away(*_: object) -> Sequence[StoredEvent]:
            raise Unavailable("away")

        monkeypatch.setattr(service.store, "read", away)
        with pytest.raises(TransientFailure, match="away"):
            await service.projector.run(ORDER_DETAILS, await service.happened("order-o-1", CONFIRMED))

    async def test_a_view_that_others_keep_writing_is_waited_for(self, service: Service) -> None:
        service.views.conflicts = 1000
        with pytest.raises(TransientFailure, match="keep writing"):
            await service.projector.run(ORDER_DETAILS, await service.happened("order-o-1", PLACED))


@given(data=st.data(), seed=st.integers(0, 2**32))
async def test_views_do_not_depend_on_how_the_feed_delivers(data: st.DataObject, seed: int) -> None:
    """Any cut into batches, any order within a transaction, any repetition: the same views."""
    chance = random.Random(seed)
    service, plain = Service(), Service()
    transactions: list[list[dict[str, Any]]] = []
    for aggregate, stream_id in ((ORDER, "order-o-1"), (PAYMENT, "payment-o-1"), (STOCK, "stock-mug")):
        history = history_of(aggregate, data.draw(st.lists(COMMANDS[aggregate.category], max_size=12)))
        while history:
            cut = chance.randint(1, len(history))
            transactions.append(await service.happened(stream_id, *history[:cut]))
            history = history[cut:]
    feed = [item for transaction in transactions for item in chance.sample(transaction, len(transaction))]
    for projection in PROJECTIONS:
        await Projector(service.store, CODEC, plain.views).run(
            projection, [item for transaction in transactions for item in transaction]
        )
        at = 0
        while at < len(feed):
            end = chance.randint(at + 1, len(feed))
            await service.projector.run(projection, feed[max(0, at - chance.randint(0, 3)) : end])
            at = end
    assert documents(plain.views) == documents(service.views)


def documents(views: MemoryViewStore) -> dict[Any, str]:
    return {key: text for key, (text, _) in views._documents.items()}


def test_every_read_model_is_known_by_its_own_consumer_name() -> None:
    assert ["order-details@1", "order-history@1", "payment-status@1", "stock-levels@1"] == [
        each.consumer for each in PROJECTIONS
    ]
    assert [ORDER_DETAILS, ORDER_HISTORY, PAYMENT_STATUS, STOCK_LEVELS] == list(PROJECTIONS)
