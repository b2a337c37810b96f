"""The figures of a flash sale."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from demo.charges import USD_PER_MILLION_RU, Charges
from demo.client import Client


@dataclass(frozen=True, slots=True)
class Summary:
    """Times in seconds from the first order on. Conflicts, RU and prices are modelled by a local account, else None."""

    confirmed: int
    cancelled: int
    placed_after: float
    decided_after: float
    orders_per_second: float
    answer_p50_ms: float
    answer_p99_ms: float
    retries: int
    conflicts: int | None
    ru_per_order: float | None
    idle_ru_per_second: float | None
    usd_per_1000_orders: float | None

    @classmethod
    def of(
        cls,
        *,
        confirmed: int,
        cancelled: int,
        placed_after: float,
        decided_after: float,
        answers: Sequence[float],
        shop: Client,
        payer: Client,
        spent: Charges | None,
    ) -> Self:
        """`answers` are the seconds that each placement took, and there is one at least."""
        orders = len(answers)
        percentiles = statistics.quantiles([*answers, answers[0]], n=100, method="inclusive")
        ru_per_order = None if spent is None else spent.work / orders
        return cls(
            confirmed=confirmed,
            cancelled=cancelled,
            placed_after=round(placed_after, 2),
            decided_after=round(decided_after, 2),
            orders_per_second=round(orders / decided_after, 1),
            answer_p50_ms=round(1000 * percentiles[49], 1),
            answer_p99_ms=round(1000 * percentiles[98], 1),
            retries=shop.retries + payer.retries,
            conflicts=None if spent is None else spent.conflicts,
            ru_per_order=None if ru_per_order is None else round(ru_per_order, 1),
            idle_ru_per_second=None if spent is None else round(spent.idle / decided_after, 1),
            usd_per_1000_orders=None if ru_per_order is None else round(ru_per_order * USD_PER_MILLION_RU / 1000, 4),
        )

    def in_words(self) -> str:
        """For people, a line per subject."""
        text = (
            f"{self.confirmed} confirmed, {self.cancelled} cancelled as out of stock; no process unfinished, nothing "
            f"oversold: every stream was read\n"
            f"all placed after {self.placed_after} s, the last one decided after {self.decided_after} s: "
            f"{self.orders_per_second} orders per second\n"
            f"answer to POST /orders: p50 {self.answer_p50_ms} ms, p99 {self.answer_p99_ms} ms; "
            f"{self.retries} requests sent again"
        )
        if self.ru_per_order is None:
            return text
        return (
            f"{text}\n"
            f"modelled by the local account: {self.conflicts} appends that another writer had won; "
            f"{self.ru_per_order} RU per order, {self.usd_per_1000_orders} USD per 1,000 orders at "
            f"{USD_PER_MILLION_RU} USD per million RU; beside it, polling and leases: {self.idle_ru_per_second} RU/s"
        )
