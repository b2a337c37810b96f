"""Two hosts over the same data: each answers rightly what the other one did."""

import uuid
from typing import Any

from tests.e2e.stack import Client, Stack, client_of, eventually

LINE = {"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}


def order(customer: str, sku: str = "mug") -> dict[str, Any]:
    return {"customerId": customer, "lines": [{**LINE, "sku": sku}]}


async def in_stock(host: Client) -> str:
    """A sku of which there is enough, or the process cancels what was placed."""
    sku = fresh("mug")
    await host.post(f"/stock/{sku}/receipts", {"quantity": 100}, fresh("k"))
    return sku


def fresh(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


async def test_the_front_takes_turns(stack: Stack) -> None:
    async with client_of(stack) as client:
        answered_by = {(await client.get("/health")).host for _ in range(4)}
    assert 2 == len(answered_by)


async def test_a_receipt_through_one_host_is_counted_on_by_the_other_whose_cache_is_stale(hosts: list[Client]) -> None:
    sku = fresh("mug")
    for round_, host in enumerate([*hosts, *hosts, *reversed(hosts)], start=1):
        answered = await host.post(f"/stock/{sku}/receipts", {"quantity": 10}, fresh("k"))
        assert (200, round_, f'"{round_}"') == (answered.status, answered.body["version"], answered.etag)
    for host in hosts:
        level = await host.get(f"/stock/{sku}?minVersion=6")
        assert {"sku": sku, "onHand": 60, "reserved": 0, "available": 60, "version": 6} == level.body


async def test_a_cancellation_through_one_host_is_answered_rightly_by_the_other(hosts: list[Client]) -> None:
    one, other = hosts
    placed = await one.post("/orders", order(fresh("ada")), fresh("k"))
    path = f"/orders/{placed.body['orderId']}/cancellation"
    assert 200 == (await other.post(path, {"reason": "changed my mind"}, "first")).status
    # The first host still believes that the order is placed.
    again = await one.post(path, {"reason": "once more"}, "second")
    assert (200, 2, "cancelled") == (again.status, again.body["version"], again.body["status"])
    precise = await one.post(path, {"reason": "precisely"}, "third", **{"If-Match": '"1"'})
    assert 412 == precise.status
    events = await other.get(f"/orders/{placed.body['orderId']}/events?minVersion=2")
    assert ["OrderPlaced", "OrderCancelled"] == [event["type"] for event in events.body["events"]]


async def test_a_cancellation_sent_twice_with_one_key_gets_the_identical_answer_on_either_host(
    hosts: list[Client],
) -> None:
    one, other = hosts
    for first, second in ((one, other), (other, one), (one, one)):
        placed = await first.post("/orders", order(fresh("ada")), fresh("k"))
        path, key = f"/orders/{placed.body['orderId']}/cancellation", fresh("k")
        answers = [await host.post(path, {"reason": "changed my mind"}, key) for host in (first, second, first)]
        assert {(200, f"{answers[0].body}", '"2"')} == {(each.status, f"{each.body}", each.etag) for each in answers}


async def test_an_order_placed_twice_with_one_key_is_one_order(hosts: list[Client]) -> None:
    customer, key = fresh("ada"), fresh("k")
    answers = [await host.post("/orders", order(customer), key) for host in (*hosts, *hosts)]
    assert 1 == len({each.body["orderId"] for each in answers})

    async def orders() -> int:
        return len((await hosts[0].get(f"/customers/{customer}/orders")).body["orders"])

    await eventually(1, orders)


async def test_what_never_was_is_not_found_and_what_is_new_is(hosts: list[Client]) -> None:
    one, other = hosts
    assert 404 == (await one.get(f"/orders/{uuid.uuid4()}")).status
    sku = await in_stock(one)
    for _ in range(10):
        placed = await one.post("/orders", order(fresh("ada"), sku), fresh("k"))
        seen = await other.get(f"/orders/{placed.body['orderId']}")
        assert (200, "placed") == (seen.status, seen.body["status"])


async def test_the_read_models_follow(hosts: list[Client]) -> None:
    one, other = hosts
    customer, sku = fresh("ada"), await in_stock(one)
    placed = [(await one.post("/orders", order(customer, sku), fresh("k"))).body["orderId"] for _ in range(3)]
    await other.post(f"/orders/{placed[1]}/cancellation", {"reason": "2026-01-02T03:04:05.000Z"}, fresh("k"))

    async def history() -> list[tuple[str, str]]:
        page = await one.get(f"/customers/{customer}/orders")
        return [(each["orderId"], each["status"]) for each in page.body["orders"]]

    await eventually([(placed[2], "placed"), (placed[1], "cancelled"), (placed[0], "placed")], history)
    seen = await one.get(f"/orders/{placed[1]}?minVersion=2")
    assert "2026-01-02T03:04:05.000Z" == seen.body["cancellation"]["reason"]
