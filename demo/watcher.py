"""The watcher follows the feed of the events: it sees what becomes of orders as it happens, and pays what is asked for.

A view would show it later, the more so the more there is to do.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from demo.client import Client
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled, OrderConfirmed
from domain.payment.events import PaymentRequested
from engine.consuming.feed.port import EventFeed, FeedRange

_LOOK_SECONDS: Final = 0.2
_PAGE: Final = 1_000
_PAID_AT_ONCE: Final = 16
_EARLY: Final = 10_000

_CONFIRMED: Final = OrderConfirmed.__name__
_CANCELLED: Final = OrderCancelled.__name__
_REQUESTED: Final = PaymentRequested.__name__


@dataclass(slots=True)
class Watcher:
    """Looks after `orders` orders; `placed` is told by who places them.

    `asked` are those whose payment is asked for, `paid` those that it was reported for, and `decided_at` is when the
    last decision was seen. Orders of others are left alone.
    """

    client: Client
    feed: EventFeed
    orders: int
    placed: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)
    decided_at: float = 0.0
    _positions: dict[FeedRange, str] = field(default_factory=dict)
    _early: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=_EARLY))
    """Holds events of orders that nobody has been told the ids of yet."""

    @classmethod
    async def from_now(cls, client: Client, feed: EventFeed, orders: int) -> Self:
        """Returns one that sees what happens from now on. Raises Unavailable and AccessRefused."""
        ranges = await feed.ranges()
        heads = await asyncio.gather(*map(feed.head, ranges))
        return cls(client, feed, orders, _positions=dict(zip(ranges, heads, strict=True)))

    def count(self, status: str) -> int:
        return sum(each == status for each in self.statuses.values())

    @property
    def undecided(self) -> list[str]:
        """Returns them in the order of their placement."""
        return [each for each in self.placed if each not in self.statuses]

    async def until_all_are_decided(self) -> None:
        """Follows the feed, and pays beside that, until each order is confirmed or cancelled."""
        slots = asyncio.Semaphore(_PAID_AT_ONCE)
        async with asyncio.TaskGroup() as paying:
            while len(self.statuses) < self.orders:
                known = set(self.placed)
                early = [*self._early]
                self._early.clear()
                for item in [*early, *[item async for item in self._news()]]:
                    order_id = item.get("data", {}).get("orderId")
                    if order_id not in known:
                        self._early.append(item)
                    elif item["type"] == _REQUESTED and order_id not in self.asked:
                        self.asked.add(order_id)
                        paying.create_task(self._pay(order_id, slots))
                    elif item["streamId"] == ORDER.stream_id(order_id) and item["type"] in (_CONFIRMED, _CANCELLED):
                        self.statuses[order_id] = "confirmed" if item["type"] == _CONFIRMED else "cancelled"
                        self.decided_at = time.monotonic()
                await asyncio.sleep(_LOOK_SECONDS)

    async def _news(self) -> AsyncIterator[Mapping[str, Any]]:
        for where in self._positions:
            while page := await self._page(where):
                for item in page:
                    if item.get("type") in (_REQUESTED, _CONFIRMED, _CANCELLED):
                        yield item

    async def _page(self, where: FeedRange) -> Sequence[Mapping[str, Any]]:
        page = await self.feed.read(where, self._positions[where], _PAGE)
        self._positions[where] = page.position
        return page.items

    async def _pay(self, order_id: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            report = {"outcome": "processed", "reference": f"pay-{order_id}"}
            await self.client.post(f"/orders/{order_id}/payment", report)
        self.paid.add(order_id)
