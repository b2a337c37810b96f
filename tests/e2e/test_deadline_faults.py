"""Deadlines that fire late, early and twice, and payments that are reported more than once or after their time."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest

from domain.stock.aggregate import STOCK
from emulators.tests.functions.processes import request
from tests.e2e.drained import nothing_is_dead, nothing_is_under_way
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.judge import Fate, Judge, Story, judge_of
from tests.e2e.parts import Parts, parts
from tests.e2e.replay import relay_again
from tests.e2e.stack import eventually

DEADLINE: Final = "00:10:00"
DEADLINE_SECONDS: Final = 600.0
WEEK_SECONDS: Final = 8 * 24 * 3600.0
LINE: Final = {"quantity": 2, "unitPrice": {"amount": "5.00", "currency": "EUR"}}
UNITS: Final = 10


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with parts(tmp_path_factory.mktemp("deadlines"), PAYMENT_DEADLINE=DEADLINE) as running:
        yield running


@dataclass(frozen=True)
class Shop:
    """A client, and the judge of what became of its orders; each test orders of a sku of its own."""

    running: Parts
    client: InsistentClient
    judge: Judge
    sku: str
    moves: list[float] = field(default_factory=list)

    async def order(self) -> str:
        """Placed, reserved, and waiting for its payment."""
        line = {"sku": self.sku, **LINE}
        order_id = str((await self.client.post("/orders", {"customerId": "ada", "lines": [line]})).body["orderId"])
        await self.payment_is(order_id, "requested")
        await nothing_is_under_way(self.running, also_scheduled=False)
        return order_id

    async def payment_is(self, order_id: str, status: str) -> None:
        async def seen() -> object:
            payment = await self.client.get(f"/orders/{order_id}/payment")
            return payment.body["status"] if payment.status == 200 else None

        await eventually(status, seen)

    async def pay(self, order_id: str, reference: str = "pay-1") -> None:
        report = {"outcome": "processed", "reference": reference}
        assert 200 == (await self.client.post(f"/orders/{order_id}/payment", report)).status

    async def report_thrice(self, order_id: str, report: Mapping[str, str]) -> list[tuple[int, int]]:
        """At once, without a key, through each host and one of them again: the statuses and versions answered."""
        status = await asyncio.to_thread(request, f"{self.running.url}/admin/host/status")
        hosts = [host["url"] for host in status.json()["hosts"]]

        async def one(host: str) -> tuple[int, int]:
            url = f"{host}/api/orders/{order_id}/payment"
            async with self.client.session.post(url, json=report) as answer:
                return answer.status, (await answer.json())["version"]

        return list(await asyncio.gather(*(one(host) for host in (*hosts, hosts[0]))))

    def move_the_clock(self, seconds: float) -> None:
        self.running.control("servicebus", "clock", {"advance": seconds})
        self.moves.append(seconds)

    def kill_the_bus(self) -> None:
        """Its clock is right again when it is started again."""
        self.running.stop("servicebus")
        self.moves.clear()

    async def ends(self, order_id: str, fate: Fate) -> Story:
        """Its story, once it has met that fate and nothing follows."""
        (story,) = await self.end(order_id)
        assert fate == story.fate, story
        return story

    async def end(self, *order_ids: str) -> list[Story]:
        """The stories of all orders of the sku, once nothing follows; the stock is as it must be."""
        await self.judge.all_are_settled(order_ids)
        await nothing_is_under_way(self.running, also_scheduled=False)
        stories = await self.judge.settled(order_ids)
        await self.judge.stock_is_balanced(stories, {self.sku: UNITS})
        return stories


@pytest.fixture
async def shop(running: Parts) -> AsyncIterator[Shop]:
    sku = f"mug-{uuid.uuid4().hex[:8]}"
    async with insistent_client(running) as client, judge_of(running) as judge:
        assert 200 == (await client.post(f"/stock/{sku}/receipts", {"quantity": UNITS})).status
        shop = Shop(running, client, judge, sku)
        yield shop
        await judge.nothing_is_parked()
        await nothing_is_dead(running)
        running.control("servicebus", "clock", {"advance": -sum(shop.moves)})


async def test_a_deadline_that_fires_early_by_a_clock_that_jumps_takes_everything_back(shop: Shop) -> None:
    """Guards that the payment alone decides: an expiry is one, whenever it comes, and what was reserved is released."""
    order_id = await shop.order()
    shop.move_the_clock(DEADLINE_SECONDS)
    story = await shop.ends(order_id, "cancelled")
    assert ["PaymentRequested", "PaymentExpired"] == story.payment.types


async def test_a_deadline_that_passes_while_the_bus_is_away_fires_when_it_is_back(shop: Shop) -> None:
    """Guards what is scheduled against the absence of the bus: late, but once, and nothing stays reserved. A payment
    that came meanwhile stands, though its process hears of it and of the deadline only afterwards.
    """
    unpaid, paid = await shop.order(), await shop.order()
    shop.kill_the_bus()
    await shop.pay(paid)
    shop.running.start_again("servicebus")
    shop.move_the_clock(DEADLINE_SECONDS + 3600)
    taken_back, confirmed = await shop.end(unpaid, paid)
    assert ("cancelled", ["PaymentRequested", "PaymentExpired"]) == (taken_back.fate, taken_back.payment.types)
    assert ("confirmed", ["PaymentRequested", "PaymentProcessed"]) == (confirmed.fate, confirmed.payment.types)


async def test_a_deadline_that_fires_twice_fires_once(shop: Shop) -> None:
    """Guards handlers against a bus that does not detect duplicates: every message of a paid order and of one that
    was not paid is sent again, their deadlines among them, which pass at once, and then once more.
    """
    unpaid, paid = await shop.order(), await shop.order()
    await shop.pay(paid)
    shop.move_the_clock(DEADLINE_SECONDS)
    before = await shop.end(unpaid, paid)
    assert ["cancelled", "confirmed"] == [each.fate for each in before]
    stock = await shop.judge.stream(STOCK, shop.sku)
    streams = [stream for each in before for stream in each.streams]
    for _ in range(2):
        await relay_again(shop.judge.services, [*streams, stock])
        shop.move_the_clock(WEEK_SECONDS)
        await nothing_is_under_way(shop.running)
        after = await shop.end(unpaid, paid)
        assert [each.types for each in streams] == [stream.types for each in after for stream in each.streams]
        assert stock.types == (await shop.judge.stream(STOCK, shop.sku)).types


async def test_a_payment_reported_three_times_is_one(shop: Shop) -> None:
    """Guards the webhook, whose provider sends no keys: three reports of one payment at once, through both hosts."""
    order_id = await shop.order()
    assert [(200, 2)] * 3 == await shop.report_thrice(order_id, {"outcome": "processed", "reference": "pay-1"})
    story = await shop.ends(order_id, "confirmed")
    assert ["PaymentRequested", "PaymentProcessed"] == story.payment.types


async def test_a_payment_reported_after_its_time_is_recorded_and_goes_back_once(shop: Shop) -> None:
    """Guards late money: it is refunded, however often it is reported, and the order stays cancelled."""
    order_id = await shop.order()
    shop.move_the_clock(DEADLINE_SECONDS)
    await shop.ends(order_id, "cancelled")
    assert [(200, 3)] * 3 == await shop.report_thrice(order_id, {"outcome": "processed", "reference": "pay-1"})
    await shop.payment_is(order_id, "refunded")
    story = await shop.ends(order_id, "cancelled")
    assert ["PaymentRequested", "PaymentExpired", "PaymentProcessed", "PaymentRefunded"] == story.payment.types


async def test_a_payment_that_was_declined_and_then_processed_goes_back(shop: Shop) -> None:
    """Guards against keeping money for an order that its first, declined payment has cancelled."""
    order_id = await shop.order()
    declined = {"outcome": "declined", "reference": "pay-1", "reason": "no funds"}
    assert 200 == (await shop.client.post(f"/orders/{order_id}/payment", declined)).status
    await shop.ends(order_id, "cancelled")
    await shop.pay(order_id, "pay-2")
    await shop.payment_is(order_id, "refunded")
    story = await shop.ends(order_id, "cancelled")
    assert ["PaymentRequested", "PaymentDeclined", "PaymentProcessed", "PaymentRefunded"] == story.payment.types
