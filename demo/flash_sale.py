"""demo flash-sale: more orders than units, all at once, and what became of each."""

import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from composition.services import build
from composition.settings import Settings
from demo.audit import audit
from demo.charges import charges
from demo.client import Client, client_of
from demo.summary import Summary
from engine.projecting.queries import Queries
from operate.failure import CommandFailed

_PATIENCE_SECONDS: Final = 600
_ROUND_SECONDS: Final = 0.2
_SETTLED_WITHIN_SECONDS: Final = 10.0
_DECIDED: Final = ("confirmed", "cancelled")
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Sale:
    """`orders` of one unit each, of `units`, by `clients` at a time; `runs` times, each with a sku of its own."""

    units: int
    orders: int
    clients: int
    runs: int = 1


async def run(url: str, environment: Mapping[str, str], sale: Sale, *, as_json: bool) -> None:
    """Raises CommandFailed when an order is not decided, or stock, money or a process are not as they must be."""
    settings = Settings.from_mapping(environment)
    async with client_of(url) as shop, client_of(url) as poller, build(settings) as services:
        for number in range(1, sale.runs + 1):
            one = _Run(sale, replace(shop), replace(poller), services.queries, settings.engine.cosmos.endpoint)
            summary = await one.carry_out(f"run {number} of {sale.runs}: " if sale.runs > 1 else "")
            print(json.dumps(asdict(summary)) if as_json else summary.in_words(), flush=True)


@dataclass(slots=True)
class _Run:
    sale: Sale
    shop: Client
    poller: Client
    queries: Queries
    endpoint: str
    sku: str = field(default_factory=lambda: f"flash-{secrets.token_hex(4)}")
    statuses: dict[str, str] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    answers: list[float] = field(default_factory=list)

    async def carry_out(self, title: str) -> Summary:
        await self.shop.post(f"/stock/{self.sku}/receipts", {"quantity": self.sale.units})
        before = await charges(self.endpoint)
        began = time.monotonic()
        progress = asyncio.create_task(self._show_progress(title, began))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                placing = group.create_task(self._place_all())
                deciding = group.create_task(self._until_all_are_decided())
        except TimeoutError:
            open_orders = self.sale.orders - self._decided
            raise CommandFailed(f"{open_orders} orders are not decided after {_PATIENCE_SECONDS} s") from None
        finally:
            progress.cancel()
            _clear_line()
        after = await charges(self.endpoint)
        await self._audit()
        counts = Counter(self.statuses.values())
        return Summary.of(
            confirmed=counts["confirmed"],
            cancelled=counts["cancelled"],
            placed_after=placing.result() - began,
            decided_after=deciding.result() - began,
            answers=self.answers,
            shop=self.shop,
            poller=self.poller,
            spent=None if before is None or after is None else after.since(before),
        )

    @property
    def _decided(self) -> int:
        return sum(status in _DECIDED for status in self.statuses.values())

    async def _place_all(self) -> float:
        """When the last one was placed."""
        numbers = iter(range(self.sale.orders))
        await asyncio.gather(*(self._client(numbers) for _ in range(self.sale.clients)))
        return time.monotonic()

    async def _client(self, numbers: Iterator[int]) -> None:
        line = {"sku": self.sku, "quantity": 1, "unitPrice": {"amount": "19.90", "currency": "EUR"}}
        for _ in numbers:
            asked = time.monotonic()
            placed = await self.shop.post("/orders", {"customerId": self.sku, "lines": [line]})
            self.answers.append(time.monotonic() - asked)
            self.statuses.setdefault(placed["orderId"], "placed")

    async def _until_all_are_decided(self) -> float:
        """The poller: looks at the orders of the sale, and pays where a payment is asked for. When it saw the last."""
        while True:
            await self._look_at_the_orders()
            if self._decided == self.sale.orders:
                return time.monotonic()
            for order_id in [each for each, status in self.statuses.items() if status not in _DECIDED]:
                if order_id not in self.paid:
                    await self._pay_if_asked(order_id)
            await asyncio.sleep(_ROUND_SECONDS)

    async def _look_at_the_orders(self) -> None:
        continuation = ""
        while True:
            page = await self.poller.get(f"/customers/{self.sku}/orders?limit={_PAGE}{continuation}")
            self.statuses.update({order["orderId"]: order["status"] for order in page["orders"]})
            if "continuation" not in page:
                return
            continuation = f"&continuation={page['continuation']}"

    async def _pay_if_asked(self, order_id: str) -> None:
        payment = await self.poller.ask(f"/orders/{order_id}/payment")
        if payment.status == 200 and payment.body["status"] == "requested":
            report = {"outcome": "processed", "reference": f"pay-{order_id}"}
            await self.poller.post(f"/orders/{order_id}/payment", report)
            self.paid.add(order_id)

    async def _show_progress(self, title: str, began: float) -> None:
        shown_at = 0.0
        while True:
            counts = Counter(self.statuses.values())
            line = (
                f"{title}{time.monotonic() - began:5.1f} s  {len(self.statuses)} of {self.sale.orders} placed, "
                f"{len(self.paid)} paid, {counts['confirmed']} confirmed, {counts['cancelled']} cancelled"
            )
            if sys.stderr.isatty():
                print(f"\r{line}", end="", file=sys.stderr, flush=True)
            elif time.monotonic() - shown_at >= 5:
                print(line, file=sys.stderr, flush=True)
                shown_at = time.monotonic()
            await asyncio.sleep(0.5)

    async def _audit(self) -> None:
        found = await audit(self.queries, self.statuses, self.sku, self.sale.units)
        waited = 0.0
        while found.complaints and waited < _SETTLED_WITHIN_SECONDS:
            # An order is decided a moment before its process has heard of it.
            await asyncio.sleep(_ROUND_SECONDS)
            waited += _ROUND_SECONDS
            found = await audit(self.queries, self.statuses, self.sku, self.sale.units)
        sold = min(self.sale.units, self.sale.orders)
        complaints = list(found.complaints)
        if (found.confirmed, found.cancelled) != (sold, self.sale.orders - sold):
            complaints.append(f"{found.confirmed} orders are confirmed and {found.cancelled} cancelled")
        if set(found.reasons) - {f"Out of stock: {self.sku}."}:
            complaints.append(f"orders were cancelled for other reasons: {dict(found.reasons)}")
        if complaints:
            raise CommandFailed("the sale did not end as it must:\n  " + "\n  ".join(complaints[:20]))


def _clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
