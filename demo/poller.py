"""The poller looks after the orders of a sale: it sees what becomes of them, and pays where it is asked to."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from demo.client import Client

_LOOK_SECONDS: Final = 0.5
_PAY_SECONDS: Final = 0.3
_PROBES: Final = 4
_AT_ONCE: Final = 16
_PAGE: Final = 100
_EVENTS: Final = 500
_DECIDED: Final = ("confirmed", "cancelled")


@dataclass(slots=True)
class Poller:
    """Looks at the orders of one customer, all of the one sku of the same name; `placed` is told by who places them.

    `asked` are orders whose payment was seen to be asked for, `paid` those that it was reported for, and `decided_at`
    is when the last decision was seen.
    """

    client: Client
    sku: str
    orders: int
    placed: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)
    decided_at: float = 0.0
    _reserved: deque[str] = field(default_factory=deque)
    _known: set[str] = field(default_factory=set)
    _last_page: str = ""
    _decided: int = 0

    def count(self, status: str) -> int:
        return sum(each == status for each in self.statuses.values())

    @property
    def undecided(self) -> list[str]:
        """Returns them in the order of their placement."""
        return [each for each in self.placed if self.statuses.get(each) not in _DECIDED]

    async def until_all_are_decided(self) -> None:
        """Looks at the orders, and pays beside that, until each is confirmed or cancelled."""
        paying = asyncio.create_task(self._pay())
        looking = asyncio.create_task(self._look())
        try:
            done, _ = await asyncio.wait((paying, looking), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            paying.cancel()
            looking.cancel()
            await asyncio.gather(paying, looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._decided < self.orders:
            await self._look_at_the_orders()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_at_the_orders(self) -> None:
        """Reads from the newest order on, and no further than there are undecided ones."""
        unseen = set(self.undecided)
        continuation = ""
        while unseen:
            page = await self.client.get(f"/customers/{self.sku}/orders?limit={_PAGE}{continuation}")
            self.statuses.update({order["orderId"]: order["status"] for order in page["orders"]})
            unseen.difference_update(order["orderId"] for order in page["orders"])
            decided = self.count("confirmed") + self.count("cancelled")
            if decided > self._decided:
                self._decided, self.decided_at = decided, time.monotonic()
            if "continuation" not in page:
                return
            continuation = f"&continuation={page['continuation']}"

    async def _pay(self) -> None:
        """Asks for the payments of the orders that have got a unit, first the one that got it first, and reports them.

        Those that are asked for at a time are few while nobody wants to be paid yet, and more once somebody does.
        """
        while True:
            await self._learn_of_reservations()
            size = _PROBES
            while self._reserved:
                batch = [self._reserved.popleft() for _ in range(min(size, len(self._reserved)))]
                paid = await asyncio.gather(*map(self._pay_if_asked, batch))
                self._reserved.extend(order_id for order_id, done in zip(batch, paid, strict=True) if not done)
                if 2 * sum(paid) < len(batch):
                    break
                size = _AT_ONCE
            await asyncio.sleep(_PAY_SECONDS)

    async def _learn_of_reservations(self) -> None:
        stock = await self.client.ask(f"/stock/{self.sku}")
        if stock.status != 200 or stock.body["reserved"] <= len(self._known):
            return
        while True:
            page = await self.client.get(f"/stock/{self.sku}/events?limit={_EVENTS}{self._last_page}")
            reserved = [event["data"]["orderId"] for event in page["events"] if event["type"] == "StockReserved"]
            self._reserved.extend(order_id for order_id in reserved if order_id not in self._known)
            self._known.update(reserved)
            if "continuation" not in page:
                return
            self._last_page = f"&continuation={page['continuation']}"

    async def _pay_if_asked(self, order_id: str) -> bool:
        """Tells whether it has reported the payment."""
        payment = await self.client.ask(f"/orders/{order_id}/payment")
        if payment.status != 200 or payment.body["status"] != "requested":
            return False
        self.asked.add(order_id)
        report = {"outcome": "processed", "reference": f"pay-{order_id}"}
        await self.client.post(f"/orders/{order_id}/payment", report)
        self.paid.add(order_id)
        return True
