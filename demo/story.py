"""demo: one order from its placement to its shipment and one that is taken back, event by event."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.dashboard.story import category_of, function_of
from demo.client import Client, client_of
from operate.failure import CommandFailed
from operate.output import print_title

_PATIENCE_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1


async def run(url: str) -> None:
    """Raises CommandFailed when the service is away or answers otherwise than it should."""
    async with client_of(url) as client:
        suffix = secrets.token_hex(3)
        await _an_order_is_fulfilled(client, f"mug-{suffix}", f"customer-{suffix}")
        await _an_order_is_taken_back(client, f"mug-{suffix}", f"cup-{suffix}", f"customer-{suffix}")


async def _an_order_is_fulfilled(client: Client, mug: str, customer: str) -> None:
    _say("1. Ten mugs arrive", f"POST /stock/{mug}/receipts")
    receipt = await client.post(f"/stock/{mug}/receipts", {"quantity": 10})
    await _Told(client, "", (mug,)).until("StockReceived")
    _show("view stock-levels", await client.get(f"/stock/{mug}?minVersion={receipt['version']}"))

    _say("2. A customer orders two of them", "POST /orders")
    placed = await client.post("/orders", {"customerId": customer, "lines": [_line(mug, 2)]})
    order_id = placed["orderId"]
    told = _Told(client, order_id, (mug,))
    await told.until("PaymentRequested")

    _say("3. The payment provider reports the money", f"POST /orders/{order_id}/payment")
    await client.post(f"/orders/{order_id}/payment", {"outcome": "processed", "reference": f"pay-{order_id[:8]}"})
    await told.until("ConfirmationCompleted")

    _say("4. The parcel leaves", f"POST /orders/{order_id}/shipment")
    await client.post(f"/orders/{order_id}/shipment", {"carrier": "DHL", "trackingNumber": f"T-{order_id[:8]}"})
    await told.until("DispatchCompleted")
    await _show_views(told, customer, "shipped")


async def _an_order_is_taken_back(client: Client, mug: str, cup: str, customer: str) -> None:
    _say("5. An order of which one part is out of stock: what was reserved is released", "POST /orders")
    placed = await client.post("/orders", {"customerId": customer, "lines": [_line(mug, 1), _line(cup, 1)]})
    order_id = placed["orderId"]
    told = _Told(client, order_id, (mug, cup))
    await told.until("ReleaseCompleted", "CancellationFollowed")
    await _show_views(told, customer, "cancelled")


def _line(sku: str, quantity: int) -> Mapping[str, Any]:
    return {"sku": sku, "quantity": quantity, "unitPrice": {"amount": "12.50", "currency": "EUR"}}


@dataclass(slots=True)
class _Told:
    """The events of an order, of its payment and process, and of its stock, each told once; how far each stream is."""

    client: Client
    order_id: str
    skus: Sequence[str]
    told: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    async def until(self, *types: str) -> None:
        """Tells what happens until an event of each type has. Raises CommandFailed when that takes too long."""
        missing = set(types)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    for event in await self._news():
                        _tell(event)
                        missing.discard(event["type"])
                    if not missing:
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise CommandFailed(f"{', '.join(sorted(missing))} did not happen within {_PATIENCE_SECONDS} s") from None

    async def _news(self) -> list[Mapping[str, Any]]:
        events: list[Mapping[str, Any]] = []
        if self.order_id:
            events += (await self.client.get(f"/orders/{self.order_id}/events?all=true"))["events"]
        for sku in self.skus:
            answered = await self.client.ask(f"/stock/{sku}/events")
            if answered.status == 200:
                stream, its = answered.body["stream"], answered.body["events"]
                events += [{"stream": stream, **each} for each in its if self._concerns(each)]
        news = [event for event in events if event["eventId"] not in self.told]
        self.told.update(event["eventId"] for event in news)
        news.sort(key=lambda event: str(event["occurredAt"]))
        self.versions.update((event["stream"], event["version"]) for event in news)
        return news

    async def view(self, path: str, stream: str) -> Any:
        """Returns the view of a stream that shows all that was told of it."""
        return await self.client.get(f"{path}?minVersion={self.versions[stream]}")

    def _concerns(self, event: Mapping[str, Any]) -> bool:
        return str(event["data"].get("orderId", "")) == self.order_id


def _tell(event: Mapping[str, Any]) -> None:
    stream_id, category = event["stream"], category_of(event["stream"])
    function = function_of(stream_id, event["type"], event["causationId"], event["correlationId"])
    time = event["occurredAt"].partition("T")[2].rstrip("Z")[:12].ljust(12, "0")
    print(f"   {time}  {category:<11} {event['version']:>3}  {event['type']:<24} by {function}", flush=True)


async def _show_views(told: _Told, customer: str, status: str) -> None:
    order_id, payment = told.order_id, f"payment-{told.order_id}"
    _show("view order-details", await told.view(f"/orders/{order_id}", f"order-{order_id}"))
    _show("view order-history", await _history(told.client, customer, order_id, status))
    if payment in told.versions:
        _show("view payment-status", await told.view(f"/orders/{order_id}/payment", payment))
    _show("view stock-levels", await told.view(f"/stock/{told.skus[0]}", f"stock-{told.skus[0]}"))


async def _history(client: Client, customer: str, order_id: str, status: str) -> Any:
    """The history comes from its view alone: the change feed brings it up to date in a moment."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                history = await client.get(f"/customers/{customer}/orders")
                orders = history["orders"]
                if orders and {"orderId": order_id, "status": status}.items() <= orders[0].items():
                    return history
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise CommandFailed(f"the history did not show order {order_id} within {_PATIENCE_SECONDS} s") from None


def _say(title: str, request: str) -> None:
    print_title(title, f"({request})")


def _show(name: str, value: Any) -> None:
    print(f"   {name}: {json.dumps(value, ensure_ascii=False)}", flush=True)
