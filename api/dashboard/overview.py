"""`overview` shows how orders go now: what is sold, how many orders are open, and how well the service is.

However many look at once, a process reads each part of it once a second.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal, TypedDict

import azure.functions as func

from api.dashboard.dead_letters import DeadLetterCount, dead_letter_counts
from api.dashboard.reader import Reader
from engine.consuming.health import FRESH_FOR as HEALTH_FRESH_FOR
from engine.consuming.health import Health, Status
from engine.consuming.lag import PartitionLag, State
from engine.projecting.counting.sums import Span, beginning_of
from engine.projecting.generations.known import query_of
from engine.projecting.query import MinutesQuery, Query, ReadModel, StreamQuery
from engine.reacting.followers import followers
from engine.services import Services
from engine.sharing import Shared
from engine.storing.events import time_at_rest
from engine.triggers.http_requests import read_choice
from engine.triggers.parameters import Parameter
from projections.order_details import ORDER_DETAILS
from projections.payment_status import PAYMENT_STATUS
from projections.sales import SALES, Shown

FRESH_FOR: Final = 1.0
"""In seconds."""

_USABLE_FOR: Final = 3 * HEALTH_FRESH_FOR
"""In seconds. The bus takes a second to say anything; sales do not wait for it, so health may be so old."""

Window = Literal["hour", "day"]
_STATUS_OF_VIEWS: Final = "view/status"

ServiceStatus = Literal["well", "degraded", "down"]

_STEPS: Final[Mapping[str, tuple[timedelta, int]]] = {
    "hour": (timedelta(minutes=1), 60),
    "day": (timedelta(hours=1), 24),
}
"""A window has the step of now, and so many before it."""

_WINDOW: Final = Parameter(
    "window", "query", {"type": "string", "enum": [*_STEPS], "default": "hour"},
    "How far back `overview` looks: an hour by minutes, or a day by hours.",
)  # fmt: skip

_FLOW: Final = {
    "placed": "ordersPlaced",
    "paid": "ordersPaid",
    "shipped": "ordersShipped",
    "cancelled": "ordersCancelled",
}
"""Names the measure of each."""

_STATUS: Final[Mapping[Status, ServiceStatus]] = {"ok": "well", "degraded": "degraded", "down": "down"}


class SalesPoint(Shown):
    """Shows what was sold in one currency in the step that begins `at`."""

    at: str
    currency: str


class OpenOrders(TypedDict):
    """Counts orders by where they are now: `placed` are those that are neither confirmed nor cancelled yet.

    Some of these await payment. The service has the next step of the others: it reserves, asks for the payment,
    confirms or cancels.
    """

    placed: int
    awaitingPayment: int
    confirmed: int


class OrderFlow(TypedDict):
    """Counts what happened to orders in the window, in all currencies."""

    placed: int
    paid: int
    shipped: int
    cancelled: int


class ConsumerState(TypedDict):
    """Shows a consumer, and how far it is behind where that is worst; None for one of the bus, which counts there."""

    consumer: str
    parked: int
    documents: int | None
    seconds: float | None
    state: State | None


Overview = TypedDict(
    "Overview",
    {
        "window": Window,
        "from": str,
        "to": str,
        "step": int,
        "sales": list[SalesPoint],
        "open": OpenOrders,
        "flow": OrderFlow,
        "status": ServiceStatus,
        "consumers": list[ConsumerState],
        "deadLetters": list[DeadLetterCount] | None,
    },
)
"""Has a point for each step and currency in which something was sold. `deadLetters` is None if the bus is silent."""


@dataclass(frozen=True, slots=True)
class _Sales:
    span: Span
    points: Sequence[Mapping[str, Any]]
    flow: Mapping[str, int]


def overview(read_models: Iterable[ReadModel]) -> Reader:
    return Reader("overview", Overview, Overviews(read_models).read, (_WINDOW,))


class Overviews:
    """Reads for all that look at this process. `monotonic` is a clock in seconds."""

    def __init__(self, read_models: Iterable[ReadModel], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read_models = {each.name: each for each in read_models}
        self._sales = {window: Shared[_Sales](FRESH_FOR, monotonic) for window in _STEPS}
        self._open = Shared[Mapping[str, int]](FRESH_FOR, monotonic)
        self._dead_letters = Shared[Sequence[DeadLetterCount] | None](HEALTH_FRESH_FOR, monotonic)

    async def read(self, services: Services, req: func.HttpRequest) -> Mapping[str, Any]:
        window = read_choice(req, "window", tuple(_STEPS))
        sales, open_orders, health, dead_letters = await asyncio.gather(
            self._sales[window].get(lambda: self._read_sales(services, *_STEPS[window])),
            self._open.get(lambda: self._count_open(services)),
            services.health.recent(followers(self._read_models.values()), services.consumers, _USABLE_FOR),
            self._dead_letters.recent(lambda: dead_letter_counts(services.dead_letters), _USABLE_FOR),
        )
        return {
            "window": window,
            "from": time_at_rest(sales.span.start),
            "to": time_at_rest(sales.span.end),
            "step": int(_STEPS[window][0].total_seconds()),
            "sales": sales.points,
            "open": open_orders,
            "flow": sales.flow,
            "status": _STATUS[health.status],
            "consumers": _consumers(health),
            "deadLetters": dead_letters,
        }

    async def _read_sales(self, services: Services, step: timedelta, before: int) -> _Sales:
        query = await self._query(services, SALES.name)
        assert isinstance(query, MinutesQuery), "sales are asked by time"
        present = beginning_of(services.rollups.clock(), step)
        span = Span(present - before * step, present + step)
        rows = await services.recent_sums.rows(query.projection, span, step)
        points = [
            {"at": time_at_rest(row.minute), query.series: row.series, **query.shown(row.series, row.sums)}
            for row in rows
        ]
        flow = {name: sum(row.sums.get(measure, 0) for row in rows) for name, measure in _FLOW.items()}
        return _Sales(span, points, flow)

    async def _count_open(self, services: Services) -> Mapping[str, int]:
        """Counts what waits, which business keeps few: never what has ended, which becomes ever more."""
        (placed, confirmed), (awaiting,) = await asyncio.gather(
            self._count(services, ORDER_DETAILS.name, "placed", "confirmed"),
            self._count(services, PAYMENT_STATUS.name, "requested"),
        )
        return {"placed": placed, "awaitingPayment": awaiting, "confirmed": confirmed}

    async def _count(self, services: Services, read_model: str, *statuses: str) -> Sequence[int]:
        query = await self._query(services, read_model)
        assert isinstance(query, StreamQuery), "it has a view for each stream"
        count = partial(services.queries.count, query.projection, _STATUS_OF_VIEWS)
        return await asyncio.gather(*map(count, statuses))

    async def _query(self, services: Services, name: str) -> Query:
        """Returns the query of the generation that serves."""
        read_model = self._read_models[name]
        return query_of(read_model, (await services.generations.read(read_model)).serving)


def _consumers(health: Health) -> Sequence[ConsumerState]:
    lags: defaultdict[str, list[PartitionLag]] = defaultdict(list)
    for lag in health.lags:
        lags[lag.consumer].append(lag)
    # All generations of a read model are written by one function, which has the leases.
    return [_state(name, parked, lags[name.partition("@")[0]]) for name, parked in health.parked.items()]


def _state(consumer: str, parked: int, lags: Sequence[PartitionLag]) -> ConsumerState:
    worst = max(lags, key=lambda lag: (lag.state != "owned", lag.seconds is None, lag.seconds or 0.0), default=None)
    seconds = None if worst is None or worst.seconds is None else round(worst.seconds, 1)
    return {
        "consumer": consumer,
        "parked": parked,
        "documents": None if worst is None else worst.documents,
        "seconds": seconds,
        "state": None if worst is None else worst.state,
    }
