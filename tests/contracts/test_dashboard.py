"""What the dashboard costs the store while somebody looks, by the requests that the store has answered."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from api.dashboard.overview import FRESH_FOR, Overview, Overviews
from api.dashboard.reader import Reader
from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.services import build
from emulators.cosmos.server import CosmosServer
from engine.services import Services
from engine.storing.cosmos_account import open_client
from projections.sales import SALES
from tests.rest import Answered, Functions, functions, send
from tests.settings import settings_for

READERS: Final = 50
OF_ORDERS: Final = ("sales", "order-details", "payment-status")
"""The containers whose requests are told here. The others are asked in their own time."""


@dataclass
class Looking:
    """One process of the service, in which the time between two looks is as the test says."""

    server: CosmosServer
    functions: Functions
    seconds: float = field(default=100.0)

    async def ask(self, window: str = "hour") -> Answered:
        return await send(self.functions, "read_dashboard", params={"window": window}, what="overview")

    def later(self) -> None:
        self.seconds += FRESH_FOR
        self.server.requests.clear()

    def asked(self) -> Mapping[tuple[str | None, str], int]:
        """How many requests of each kind the containers of orders have got."""
        return Counter((each.container, each.kind) for each in self.server.requests if each.container in OF_ORDERS)

    def charged(self) -> float:
        return sum(each.charge for each in self.server.requests)


def charge_of(answered: Answered) -> float:
    return float(answered.headers["x-request-charge"])


@pytest.fixture
async def looking() -> AsyncIterator[Looking]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(CosmosServer.start())
        settings = settings_for(server.connection_string)
        await provision_database(settings, lambda _: None)
        services = await stack.enter_async_context(build(settings))

        async def connected() -> Services:
            return services

        looking = Looking(server, functions(connected))
        overviews = Overviews(READ_MODELS, lambda: looking.seconds)
        looking.functions.dashboard._readers["overview"] = Reader("overview", Overview, overviews.read)
        # The SDK reads what containers there are, and the health is looked at once in ten seconds.
        await looking.ask()
        yield looking


async def test_however_many_look_the_store_is_asked_as_by_one(looking: Looking) -> None:
    looking.later()
    alone = await looking.ask()
    of_one = looking.asked()
    assert {("sales", "query"): 1, ("order-details", "query"): 2, ("payment-status", "query"): 1} == of_one
    assert charge_of(alone) == pytest.approx(looking.charged(), abs=0.005)
    assert charge_of(alone) > 0
    looking.later()
    together = await asyncio.gather(*(looking.ask() for _ in range(READERS)))
    again = await looking.ask()
    assert of_one == looking.asked()
    assert {200} == {each.status for each in together}
    assert 1 == len({each.headers["ETag"] for each in (*together, again)})
    charges = sorted(map(charge_of, (*together, again)))
    assert [0.0] * READERS == charges[:-1]
    assert charges[-1] == pytest.approx(looking.charged(), abs=0.005)


async def test_both_windows_share_what_is_open(looking: Looking) -> None:
    await looking.ask("day")
    looking.later()
    await asyncio.gather(*(looking.ask(window) for window in ("hour", "day") for _ in range(READERS)))
    assert {("sales", "query"): 2, ("order-details", "query"): 2, ("payment-status", "query"): 1} == looking.asked()


async def test_whoever_leaves_takes_the_answer_from_nobody(looking: Looking) -> None:
    looking.later()
    readers = [asyncio.create_task(looking.ask()) for _ in range(READERS)]
    await asyncio.sleep(0)
    for each in readers[::2]:
        each.cancel()
    statuses = [each.status for each in await asyncio.gather(*readers)]
    assert {200} == set(statuses[1::2])
    assert {("sales", "query"): 1, ("order-details", "query"): 2, ("payment-status", "query"): 1} == looking.asked()


async def sold(looking: Looking, an_hour: int) -> int:
    """Sums of a whole day in which so many events counted in every hour, and how many those are; none is an event."""
    settings = settings_for(looking.server.connection_string)
    now, count = datetime.now(UTC), 0
    async with open_client(settings.engine.cosmos) as client:
        container = client.get_database_client(settings.engine.cosmos_database).get_container_client(SALES.name)
        for _, bucket in SALES.buckets(now - timedelta(hours=24), now):
            each = an_hour // 8 // 60 // 4
            counts = dict.fromkeys(("ordersPlaced", "ordersPaid", "ordersShipped", "ordersCancelled"), each)
            sums = {
                f"{minute:02}.EUR.{name}": amount
                for minute in range(60)
                for name, amount in {**counts, "revenue": each * 1999}.items()
            }
            await container.upsert_item({"id": bucket, "bucket": bucket, "sums": sums, "billions": {}})
            count += 60 * sum(counts.values())
    return count


async def test_a_day_with_a_million_events_is_two_hundred_sums(looking: Looking) -> None:
    assert 1_000_000 <= await sold(looking, 44_000)
    looking.later()
    first = await looking.ask("day")
    assert (3, 25) == (looking.asked()["sales", "query"], len(first.body["sales"]))
    looking.later()
    second = await looking.ask("day")
    assert 1 == looking.asked()["sales", "query"]
    assert first.body == second.body
    # docs/performance.md has what they are.
    assert (charge_of(first) < 70, charge_of(second) < 15) == (True, True), (charge_of(first), charge_of(second))
    assert len(json.dumps(first.body)) < 8_000
    assert sum(each["ordersPlaced"] for each in first.body["sales"]) == first.body["flow"]["placed"]
