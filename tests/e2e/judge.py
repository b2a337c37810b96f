"""What has become of orders: every event of every stream, read from the store, folded, and held against the rules."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from composition.domain import READ_MODELS
from composition.services import build
from composition.settings import Settings
from domain.fulfilment.state import Fulfilment
from domain.order.aggregate import ORDER
from domain.order.events import OrderPlaced
from domain.order.state import Cancelled, Confirmed, Shipped
from domain.payment.aggregate import PAYMENT
from domain.payment.events import PaymentProcessed, PaymentRefunded
from domain.payment.state import Processed, Requested
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from domain.stock.events import StockDispatched, StockReceived
from engine.deciding.aggregate import Aggregate
from engine.projecting.counting.sums import Span
from engine.projecting.projection import Projection
from engine.services import Services
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.pages import pages
from projections.sales import SALES, contributions
from tests.e2e.parts import Parts
from tests.e2e.stack import eventually

Fate = Literal["shipped", "cancelled", "confirmed"]

_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Stream:
    """A whole stream; `state` is what its events fold to."""

    aggregate: Aggregate[Any, Any, Any]
    stored: tuple[StoredEvent, ...]
    recorded: tuple[RecordedEvent[Any], ...]

    @property
    def events(self) -> list[Any]:
        return [each.event for each in self.recorded]

    @property
    def types(self) -> list[str]:
        return [each.type for each in self.stored]

    @property
    def state(self) -> Any:
        return self.aggregate.decider.fold(self.aggregate.decider.initial, self.events)


@dataclass(frozen=True)
class Story:
    """The streams of one order."""

    order_id: str
    order: Stream
    payment: Stream
    process: Stream

    @property
    def fate(self) -> Fate | None:
        """How it ended. None for an order that goes on by itself, or of which something was kept or forgotten."""
        order, process = self.order.state, self.process.state
        if not isinstance(process, Fulfilment):
            return None
        kept = Counter(map(type, self.payment.events))
        charged = kept[PaymentProcessed] - kept[PaymentRefunded]
        match order:
            case Cancelled() if process.is_ended and not charged and not isinstance(self.payment.state, Requested):
                return "cancelled"
            case Shipped() if process.is_ended and self._is_charged_once(charged):
                return "shipped"
            case Confirmed() if self._is_charged_once(charged) and _waits_for_shipment(process):
                return "confirmed"
        return None

    def _is_charged_once(self, charged: int) -> bool:
        return charged == 1 and isinstance(self.payment.state, Processed)

    @property
    def streams(self) -> tuple[Stream, ...]:
        return self.order, self.payment, self.process

    def __str__(self) -> str:
        return f"order {self.order_id}: " + "; ".join(f"{each.types} -> {each.state}" for each in self.streams)


def _waits_for_shipment(process: Fulfilment) -> bool:
    return process.order == "confirmed" and process.payment == "processed" and not (process.awaited or process.leaving)


@dataclass(frozen=True)
class Judge:
    services: Services

    async def stream(self, aggregate: Aggregate[Any, Any, Any], entity_id: str) -> Stream:
        """All events that the primary replica has."""
        stream_id, store = aggregate.stream_id(entity_id), self.services.queries.store
        while True:
            stored = tuple([event async for page in pages(store, stream_id) for event in page])
            assert list(range(1, len(stored) + 1)) == [event.version for event in stored], stream_id
            if await store.is_head(stream_id, len(stored)):
                decode = self.services.queries.codec.decode
                return Stream(aggregate, stored, tuple(decode(event) for event in stored))

    async def story(self, order_id: str) -> Story:
        streams = [await self.stream(each, order_id) for each in (ORDER, PAYMENT, FULFILMENT)]
        return Story(order_id, *streams)

    async def stories(self, order_ids: Iterable[str]) -> list[Story]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(order_id: str) -> Story:
            async with slots:
                return await self.story(order_id)

        return list(await asyncio.gather(*(one(order_id) for order_id in order_ids)))

    async def all_are_settled(self, order_ids: Collection[str], within: float = 60.0) -> list[Story]:
        """The stories, once every order has met its fate."""
        undecided = set(order_ids)
        try:
            async with asyncio.timeout(within):
                while undecided:
                    undecided -= {each.order_id for each in await self.stories(undecided) if each.fate is not None}
        except TimeoutError:
            stuck = "\n".join(map(str, await self.stories(undecided)))
            raise AssertionError(f"{len(undecided)} orders did not come to their end:\n{stuck}") from None
        return await self.settled(order_ids)

    async def settled(self, order_ids: Collection[str]) -> list[Story]:
        """The stories of orders that have met their fate already."""
        stories = await self.stories(order_ids)
        assert [] == [str(each) for each in stories if each.fate is None]
        return stories

    async def stock_is_balanced(self, stories: Collection[Story], received: Mapping[str, int]) -> None:
        """Nothing oversold; on hand is what came less what left; reserved is what confirmed orders wait for."""
        for sku, units in received.items():
            stream = await self.stream(STOCK, sku)
            state = STOCK.decider.initial
            for event in stream.events:
                state = STOCK.decider.evolve(state, event)
                assert 0 <= state.available, f"{sku} was oversold"
            waiting = {each.order_id: _ordered(each, sku) for each in stories if each.fate == "confirmed"}
            left = {each.order_id: _ordered(each, sku) for each in stories if each.fate == "shipped"}
            assert {key: count for key, count in waiting.items() if count} == dict(state.reservations), sku
            assert units == sum(event.quantity for event in stream.events if isinstance(event, StockReceived)), sku
            dispatched = [(each.order_id, each.quantity) for each in stream.events if isinstance(each, StockDispatched)]
            assert sorted((key, count) for key, count in left.items() if count) == sorted(dispatched), sku
            assert (units - sum(left.values()), sum(waiting.values())) == (state.on_hand, state.reserved), sku

    async def views_agree(self, streams: Iterable[Stream], within: float = 30.0) -> None:
        """Every view of each generation that is kept is, in the end, what its stream folds to."""
        kept = [each for read_model in READ_MODELS for each in await self.services.generations.kept(read_model)]
        lagging = {
            f"{projection.consumer} of {stream.stored[0].stream_id}": (projection, stream)
            for stream in streams
            for projection in kept
            if isinstance(projection, Projection) and stream.stored and projection.follows(stream.stored[0].stream_id)
        }
        try:
            async with asyncio.timeout(within):
                while lagging:
                    lagging = {name: each for name, each in lagging.items() if not await self._view_agrees(*each)}
        except TimeoutError:
            raise AssertionError(f"these views do not agree with their streams: {sorted(lagging)}") from None

    async def _view_agrees(self, projection: Projection[Any], stream: Stream) -> bool:
        view: Any = None
        for recorded in stream.recorded:
            view = projection.project(view, recorded)
        key = projection.key(stream.recorded[0])
        expected = projection.to_document(key, len(stream.stored), view)
        found = await self.services.projector.views.get(projection.name, key)
        return found is not None and expected == {name: found.document.get(name) for name in expected}

    async def sales_agree(self, stories: Iterable[Story], within: float = 30.0) -> None:
        """Sales are, in the end, what the events of these orders and payments add up to; there are no others."""
        expected = Counter[tuple[datetime, str, str]]()
        for stream in (each for story in stories for each in (story.order, story.payment)):
            for event in stream.recorded:
                minute = event.occurred_at.replace(second=0, microsecond=0)
                for added in contributions(event, stream.recorded[0]):
                    expected[minute, added.series, added.measure] += added.amount
        span = Span(min(expected)[0], max(expected)[0] + timedelta(minutes=1))

        async def counted() -> object:
            rows = await self.services.rollups.rows(SALES, span)
            return {(row.minute, row.series, name): amount for row in rows for name, amount in row.sums.items()}

        await eventually(dict(expected), counted, within)

    async def nothing_is_parked(self) -> None:
        for consumer in self.services.consumers:
            assert frozenset() == await self.services.parked.sessions(consumer)
            assert [] == list(await self.services.parked.alone(consumer))
        for consumer in self.services.feed_consumers:
            assert frozenset() == (await self.services.automatic.release.parked.index(consumer)).stream_ids


def _ordered(story: Story, sku: str) -> int:
    return sum(
        line.quantity
        for event in story.order.events
        if isinstance(event, OrderPlaced)
        for line in event.lines
        if line.sku == sku
    )


def judge_of(running: Parts) -> AbstractAsyncContextManager[Judge]:
    """Over the stores that `running` serves."""
    return judge_over(running.environment)


@asynccontextmanager
async def judge_over(environment: Mapping[str, str]) -> AsyncIterator[Judge]:
    """Over the stores that these settings name."""
    async with build(Settings.from_mapping(environment)) as services:
        yield Judge(services)
