"""Orders are found by their id, by their customer, and by the correlation id of what was done about them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.storing.events import Metadata, StoredEvent
from engine.storing.port import Head
from engine.testing.times import NOON
from tests.api.dashboard.asking import ask, asked, placed_orders, put
from tests.outside.stories import ORDER, STORIES, dispatched, placed
from tests.outside.world import World

HOSTILE = {
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202egnp.exe",
    "10,000 characters": "x" * 10_000,
    "101 characters": "x" * 101,
    "a quote": "o-1' OR '1'='1",
    "a stream": "order-o-1",
    "a wildcard": "%",
}


async def found(world: World, q: str, **params: str) -> list[tuple[str, str]]:
    return [(each["orderId"], each["by"]) for each in (await ask(world, "search", q=q, **params))["orders"]]


async def correlations(world: World) -> dict[str, str]:
    """The correlation id of every event, by its id."""
    items = world.store.commits().items
    return {item["metadata"]["eventId"]: item["metadata"]["correlationId"] for item in items}


async def test_an_order_is_found_by_its_id() -> None:
    world = World()
    await dispatched(world)
    (order_id,) = await placed_orders(world)
    assert {
        "orders": [
            {
                "orderId": order_id,
                "customerId": "c-1",
                "status": "shipped",
                "placedAt": "2026-11-23T12:00:00.12Z",
                "by": "order",
            }
        ]
    } == await ask(world, "search", q=f" {order_id} ")


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_an_order_is_found_by_every_correlation_id_of_its_events(
    story: Callable[[World], Awaitable[None]],
) -> None:
    world = World()
    await story(world)
    for order_id in await placed_orders(world):
        for event in (await ask(world, "order", id=order_id))["events"]:
            assert [(order_id, "correlation")] == await found(world, event["correlationId"])


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_every_conversation_was_begun_by_the_command_that_names_it(
    story: Callable[[World], Awaitable[None]],
) -> None:
    """The search rests on this: whatever follows from a command, however late, has its id as the correlation id."""
    world = World()
    await story(world)
    for correlation_id in set((await correlations(world)).values()):
        assert 1 == len(await world.store.streams_of(correlation_id))


async def test_a_receipt_of_stock_is_about_no_order() -> None:
    world = World()
    await placed(world)
    (received,) = [item for item in world.store.commits().items if item["streamId"] == "stock-mug"]
    assert [] == await found(world, received["metadata"]["correlationId"])


async def test_the_orders_of_a_customer_come_in_pages_newest_first() -> None:
    world = World()
    orders = []
    for number in range(25):
        answer = await world.ask("place_order", ORDER, headers={"Idempotency-Key": f"k-{number}"})
        orders.append(answer.headers["Location"].rpartition("/")[2])
        world.now += timedelta(seconds=1)
    await world.settle()
    first = await ask(world, "search", q="c-1")
    second = await ask(world, "search", q="c-1", continuation=first["continuation"])
    shown = [each["orderId"] for page in (first, second) for each in page["orders"]]
    assert (list(reversed(orders)), 20) == (shown, len(first["orders"]))
    assert {"customer"} == {each["by"] for each in first["orders"]}
    assert "continuation" not in second


async def test_what_is_found_twice_is_shown_once() -> None:
    """A customer may have the id of an order."""
    world = World()
    order_id = await placed(world)
    await world.ask("place_order", {**ORDER, "customerId": order_id}, headers={"Idempotency-Key": "another"})
    await world.settle()
    by = await found(world, order_id)
    assert [(order_id, "order"), "customer"] == [by[0], by[1][1]]
    assert 2 == len({order for order, _ in by})


async def test_a_later_page_has_the_orders_of_the_customer_alone() -> None:
    world = World()
    order_id = await placed(world)
    for number in range(25):
        body = {**ORDER, "customerId": order_id}
        await world.ask("place_order", body, headers={"Idempotency-Key": f"k-{number}"})
    await world.settle()
    first = await ask(world, "search", q=order_id)
    second = await ask(world, "search", q=order_id, continuation=first["continuation"])
    assert (21, 5) == (len(first["orders"]), len(second["orders"]))
    assert {"customer"} == {each["by"] for each in second["orders"]}


async def test_of_what_this_build_cannot_read_the_id_is_shown() -> None:
    world = World()
    await put(world, "order-o-1", 1, "OrderPainted", {})
    nothing: dict[str, Any] = {"customerId": None, "status": None, "placedAt": None}
    assert [{"orderId": "o-1", **nothing, "by": "order"}] == (await ask(world, "search", q="o-1"))["orders"]


async def test_a_payment_without_its_order_is_found_by_its_correlation_id() -> None:
    world = World()
    event = StoredEvent("payment-o-1", 1, "x", 1, "k-1/0", {}, Metadata("e", NOON, "k-1", "k-1", "t", "a", "f"))
    await world.store.append("payment-o-1", Head(0, ""), [event])
    assert [("o-1", "correlation")] == await found(world, "k-1")


@pytest.mark.parametrize("q", ["nobody", *HOSTILE.values()], ids=["nobody", *HOSTILE])
async def test_nothing_is_found_by_what_names_nothing(q: str) -> None:
    world = World()
    await placed(world)
    assert {"orders": []} == await ask(world, "search", q=q)


@pytest.mark.parametrize("params", [{}, {"q": ""}, {"q": "  "}], ids=["none", "empty", "blank"])
async def test_a_search_for_nothing_is_refused(params: dict[str, str]) -> None:
    status, problem = await asked(World(), "search", **params)
    assert (400, "q must be given.") == (status, problem["detail"])


@pytest.mark.parametrize("continuation", ["", "<b>", "x" * 10_000, "MX4=", "MX5ub3doZXJl", "OX4="])
async def test_a_continuation_that_no_page_has_answered_is_refused(continuation: str) -> None:
    status, problem = await asked(World(), "search", q="c-1", continuation=continuation)
    assert (400, True) == (status, problem["detail"].startswith("continuation"))
