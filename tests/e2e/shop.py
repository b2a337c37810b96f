"""A seeded load of orders with every fate that there is, through the REST interface."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.e2e.insistent import Answer, InsistentClient

STOCK: Final = {"mug": 500, "cup": 500, "rare": 3}
"""What is received of each sku before the first order."""

Fate = Literal["paid", "shipped", "declined", "unpaid", "too late", "cancelled", "rare"]
"""What becomes of an order: `rare` is paid, and ordered of what some find out of stock."""

EVERY_FATE: Final[Sequence[Fate]] = ("paid", "shipped", "declined", "unpaid", "too late", "cancelled", "rare")

_PAUSE_SECONDS: Final = 0.1
_THINKING_SECONDS: Final = 1.5


@dataclass
class Shop:
    """Orders have these fates in turn; while it is `open`, more of them come than `orders`.

    `order_ids` are those that were placed; `steps` counts the commands that were answered, and `accepted` has the ids
    of those that are carried out later: shipments, where `ships_later`.
    """

    client: InsistentClient
    seed: int
    orders: int
    fates: Sequence[Fate] = EVERY_FATE
    ships_later: bool = False
    at_once: int = 14
    open: bool = False
    accepted: list[str] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    steps: int = 0
    done: bool = False
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        for sku, units in STOCK.items():
            await self._command(f"/stock/{sku}/receipts", {"quantity": units}, f"{self.seed}-{sku}")
        numbers = itertools.count()

        async def clerk() -> None:
            while (number := next(numbers)) < self.orders or self.open:
                await self._order(number)

        await asyncio.gather(*(clerk() for _ in range(self.at_once)))
        async with self.progress:
            self.done = True
            self.progress.notify_all()

    async def goes_on(self, steps: int = 12) -> None:
        """Returns once so many more commands were answered."""
        await self.reached(self.steps + steps)

    async def reached(self, steps: int) -> None:
        """Returns once so many commands were answered, or all."""
        async with self.progress:
            await self.progress.wait_for(lambda: self.done or self.steps >= steps)

    async def _order(self, number: int) -> None:
        """One order and what its customer, the payment provider and the warehouse do about it."""
        chance = random.Random(f"{self.seed}/{number}")
        meet: Mapping[Fate, Callable[[str, random.Random], Awaitable[None]]] = {
            "paid": self._pay,
            "shipped": self._pay_and_ship,
            "declined": self._decline,
            "unpaid": self._never_pay,
            "too late": self._pay_too_late,
            "cancelled": self._cancel_at_some_moment,
            "rare": self._pay,
        }
        place = number % len(self.fates)
        fate = self.fates[place]
        skus = ["rare"] if fate == "rare" else chance.sample(["mug", "cup"], chance.randint(1, 2))
        lines = [
            {"sku": sku, "quantity": chance.randint(1, 3), "unitPrice": {"amount": "2.50", "currency": "EUR"}}
            for sku in skus
        ]
        placed = await self._command("/orders", {"customerId": f"c-{place}", "lines": lines}, f"{self.seed}-{number}")
        assert placed.status == 201, placed
        self.order_ids.append(placed.body["orderId"])
        await meet[fate](placed.body["orderId"], chance)

    async def _pay(self, order_id: str, chance: random.Random) -> None:
        if await self._payment_is(order_id, "requested"):
            await self._report(order_id, {"outcome": "processed", "reference": f"pay-{order_id}"})

    async def _pay_and_ship(self, order_id: str, chance: random.Random) -> None:
        await self._pay(order_id, chance)
        if await self._is_confirmed(order_id):
            body = {"carrier": "DHL", "trackingNumber": order_id}
            headers = {"Prefer": "respond-async"} if self.ships_later else {}
            answer = await self._command(f"/orders/{order_id}/shipment", body, f"ship-{order_id}", **headers)
            assert answer.status in (200, 202, 409), answer
            if answer.status == 202:
                self.accepted.append(answer.body["commandId"])

    async def _decline(self, order_id: str, chance: random.Random) -> None:
        if await self._payment_is(order_id, "requested"):
            await self._report(order_id, {"outcome": "declined", "reference": f"no-{order_id}", "reason": "no funds"})

    async def _never_pay(self, order_id: str, chance: random.Random) -> None:
        pass

    async def _pay_too_late(self, order_id: str, chance: random.Random) -> None:
        if await self._payment_is(order_id, "expired"):
            await self._report(order_id, {"outcome": "processed", "reference": f"late-{order_id}"})

    async def _cancel_at_some_moment(self, order_id: str, chance: random.Random) -> None:
        async def cancel() -> None:
            await asyncio.sleep(chance.uniform(0, _THINKING_SECONDS))
            answer = await self._command(f"/orders/{order_id}/cancellation", {"reason": "no"}, f"cancel-{order_id}")
            assert answer.status == 200, answer

        await asyncio.gather(cancel(), *([self._pay(order_id, chance)] if chance.random() < 0.7 else []))

    async def _payment_is(self, order_id: str, status: str) -> bool:
        """Waits for it; False once it can be no more."""
        while True:
            payment = await self.client.get(f"/orders/{order_id}/payment")
            seen = payment.body["status"] if payment.status == 200 else None
            if seen == status:
                return True
            if seen in ("processed", "declined", "expired", "refunded") or await self._status(order_id) == "cancelled":
                return False
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _is_confirmed(self, order_id: str) -> bool:
        while (status := await self._status(order_id)) not in ("confirmed", "cancelled"):  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE_SECONDS)
        return status == "confirmed"

    async def _status(self, order_id: str) -> str | None:
        order = await self.client.get(f"/orders/{order_id}")
        return str(order.body["status"]) if order.status == 200 else None

    async def _report(self, order_id: str, report: dict[str, Any]) -> None:
        """A refusal is fine: the customer of a cancelled order may be told so."""
        answer = await self._command(f"/orders/{order_id}/payment", report, str(report["reference"]))
        assert answer.status in (200, 409), answer

    async def _command(self, path: str, body: dict[str, Any], key: str, **headers: str) -> Answer:
        answer = await self.client.post(path, body, key, **headers)
        async with self.progress:
            self.steps += 1
            self.progress.notify_all()
        return answer
