"""The orders of the drill, brought as far as it wants them, and what became of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from demo.client import Client
from operate.failure import CommandFailed

_PATIENCE_SECONDS: Final = 90
_POLL_SECONDS: Final = 0.2
_SKU: Final = "mug"
_CUSTOMER: Final = "ada"


@dataclass(slots=True)
class Orders:
    """Sends commands by `client`; `placed` has the ids of all orders in their order."""

    client: Client
    placed: list[str] = field(default_factory=list)

    async def receive(self, quantity: int) -> None:
        await self.client.post(f"/stock/{_SKU}/receipts", {"quantity": quantity})

    async def place(self, count: int) -> Sequence[str]:
        """Places so many orders, and does not wait for what follows."""
        line = {"sku": _SKU, "quantity": 1, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
        body = {"customerId": _CUSTOMER, "lines": [line]}
        made = [str((await self.client.post("/orders", body))["orderId"]) for _ in range(count)]
        self.placed += made
        return made

    async def until_paid_for(self, order_ids: Sequence[str]) -> None:
        """Waits until each payment is asked for, pays it, and waits until the order is confirmed."""
        await asyncio.gather(*(self._pay(each) for each in order_ids))

    async def until_asked(self, order_ids: Sequence[str]) -> None:
        """Waits until each payment is asked for."""
        await asyncio.gather(*(self._until(f"/orders/{each}/payment", "requested") for each in order_ids))

    async def ship(self, order_ids: Sequence[str], carrier: str = "DHL") -> Sequence[Mapping[str, Any]]:
        answers = [
            await self.client.post(f"/orders/{each}/shipment", {"carrier": carrier, "trackingNumber": each})
            for each in order_ids
        ]
        await asyncio.gather(*(self._until(f"/orders/{each}", "shipped") for each in order_ids))
        return answers

    async def status(self, order_id: str) -> str:
        """What `GET /orders/{orderId}` answers: the status of the order, or that of the answer."""
        answered = await self.client.ask(f"/orders/{order_id}")
        return str(answered.body["status"])

    async def events(self, order_id: str) -> Sequence[str]:
        """The types of its events; none for an order that is not there."""
        answered = await self.client.ask(f"/orders/{order_id}/events")
        return [each["type"] for each in answered.body["events"]] if answered.status == 200 else []

    async def _pay(self, order_id: str) -> None:
        await self._until(f"/orders/{order_id}/payment", "requested")
        report = {"outcome": "processed", "reference": order_id}
        await self.client.post(f"/orders/{order_id}/payment", report)
        await self._until(f"/orders/{order_id}", "confirmed")

    async def _until(self, path: str, status: str) -> None:
        seen: object = None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while seen != status:
                    answered = await self.client.ask(path)
                    seen = answered.body["status"] if answered.status == 200 else answered.status
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise CommandFailed(f"{path} is {seen} after {_PATIENCE_SECONDS} s, and not {status}") from None
