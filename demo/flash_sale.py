"""`operate demo flash-sale` places more orders than there are units, all at once, and says what became of each."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from composition.settings import Settings
from demo.audit import Audit, audit
from demo.charges import charges
from demo.client import Client, client_of
from demo.summary import Summary
from demo.watcher import Watcher
from engine.consuming.feed.port import EventFeed
from engine.projecting.queries import Queries
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.messages import connected
from operate.output import print_json
from operate.progress import Gauge, gauges

_PATIENCE_SECONDS: Final = 600
_SHOWN_EVERY_SECONDS: Final = 0.1
_SETTLING_SECONDS: Final = 0.2
_SETTLED_WITHIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sale:
    """Has `orders` of one unit each, of `units`, by `clients` at a time; `runs` times, each with a sku of its own."""

    units: int
    orders: int
    clients: int
    runs: int = 1

    @property
    def sold(self) -> int:
        return min(self.units, self.orders)


async def run(url: str, environment: Mapping[str, str], sale: Sale, *, as_json: bool) -> None:
    """Prints a summary per run.

    Raises CommandFailed when an order is not decided, or stock, money or a process are not as they must be, and when
    the service or the store is away.
    """
    endpoint = Settings.from_mapping(environment).engine.cosmos.endpoint
    async with connected(environment) as services, client_of(url) as shop, client_of(url) as payer:
        for number in range(1, sale.runs + 1):
            title = f"run {number} of {sale.runs}: " if sale.runs > 1 else ""
            taking_part = replace(shop), replace(payer), services.queries, services.lags.feed
            summary = await _Run(sale, *taking_part, endpoint, title).carry_out()
            if as_json:
                print_json(asdict(summary))
            else:
                print(summary.in_words(), flush=True)


@dataclass(slots=True)
class _Run:
    sale: Sale
    shop: Client
    payer: Client
    queries: Queries
    feed: EventFeed
    endpoint: str
    title: str
    sku: str = field(default_factory=lambda: f"flash-{secrets.token_hex(4)}")
    answers: list[float] = field(default_factory=list)

    async def carry_out(self) -> Summary:
        await self.shop.post(f"/stock/{self.sku}/receipts", {"quantity": self.sale.units})
        looking = await Watcher.from_now(self.payer, self.feed, self.sale.orders)
        before = await charges(self.endpoint)
        began = time.monotonic()
        placed_at = await self._sell(looking)
        after = await charges(self.endpoint)
        await self._check(looking.placed)
        return Summary.of(
            confirmed=looking.count("confirmed"),
            cancelled=looking.count("cancelled"),
            placed_after=placed_at - began,
            decided_after=looking.decided_at - began,
            answers=self.answers,
            shop=self.shop,
            payer=self.payer,
            spent=None if before is None or after is None else after.since(before),
        )

    async def _sell(self, looking: Watcher) -> float:
        """Returns, once every order is decided, when the last one was placed."""
        with gauges(self.title) as tell:
            progress = asyncio.create_task(self._show(looking, tell))
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                    placing = group.create_task(self._place_all(looking.placed))
                    group.create_task(looking.until_all_are_decided())
            except TimeoutError:
                undecided = len(looking.undecided) + self.sale.orders - len(looking.placed)
                raise CommandFailed(f"{undecided} orders are not decided after {_PATIENCE_SECONDS} s") from None
            except BaseExceptionGroup as failures:
                # One of those who took part failed, and the rest was called off.
                raise _first_of(failures) from None
            finally:
                progress.cancel()
                tell(self._counts(looking))
        return placing.result()

    async def _show(self, looking: Watcher, tell: Callable[[Mapping[str, Gauge]], None]) -> None:
        while True:
            tell(self._counts(looking))
            await asyncio.sleep(_SHOWN_EVERY_SECONDS)

    def _counts(self, looking: Watcher) -> Mapping[str, Gauge]:
        sold = self.sale.sold
        return {
            "placed": (len(looking.placed), self.sale.orders),
            "payments asked for": (len(looking.asked), sold),
            "paid": (len(looking.paid), sold),
            "confirmed": (looking.count("confirmed"), sold),
            "cancelled": (looking.count("cancelled"), self.sale.orders - sold),
        }

    async def _place_all(self, placed: list[str]) -> float:
        """Returns when the last one was placed."""
        numbers = iter(range(self.sale.orders))
        async with asyncio.TaskGroup() as group:
            for _ in range(self.sale.clients):
                group.create_task(self._client(numbers, placed))
        return time.monotonic()

    async def _client(self, numbers: Iterator[int], placed: list[str]) -> None:
        line = {"sku": self.sku, "quantity": 1, "unitPrice": {"amount": "19.90", "currency": "EUR"}}
        for _ in numbers:
            asked = time.monotonic()
            order = await self.shop.post("/orders", {"customerId": self.sku, "lines": [line]})
            self.answers.append(time.monotonic() - asked)
            placed.append(order["orderId"])

    async def _check(self, order_ids: list[str]) -> None:
        """Raises CommandFailed for whatever is not as it must be."""
        with gauges(self.title) as tell:

            async def found() -> Audit:
                def report(count: int) -> None:
                    tell({"orders checked": (count, self.sale.orders)})

                return await audit(self.queries, order_ids, self.sku, self.sale.units, report)

            result, waited = await found(), 0.0
            while result.complaints and waited < _SETTLED_WITHIN_SECONDS:
                # An order is decided a moment before its process has heard of it.
                await asyncio.sleep(_SETTLING_SECONDS)
                waited += _SETTLING_SECONDS
                result = await found()
        complaints = list(result.complaints)
        if (result.confirmed, result.cancelled) != (self.sale.sold, self.sale.orders - self.sale.sold):
            complaints.append(f"{result.confirmed} orders are confirmed and {result.cancelled} cancelled")
        if set(result.reasons) - {f"Out of stock: {self.sku}."}:
            complaints.append(f"orders were cancelled for other reasons: {dict(result.reasons)}")
        if complaints:
            raise CommandFailed(
                "the sale did not end as it must:\n  " + "\n  ".join(complaints[:20]), ExitStatus.FINDINGS
            )


def _first_of(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
