"""What a user wrote comes out of answers, events and views as it went in, although the host re-writes documents."""

import asyncio
import uuid
from typing import Final

from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from tests.e2e.stack import Client, Stack, eventually

EMULATOR_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="

SECOND: Final = "2026-01-02T03:04:05"
TEXTS: Final = [
    *(f"{SECOND}{fraction}{zone}"
      for fraction in ("", ".0", ".000", ".1", ".120", ".123450", ".1234567", ".123456789", ".")
      for zone in ("Z", "z", "", "+00:00", "-00:00", "+02:00", "-11:30", "+0200")),
    "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04", "2026-01-02T24:00:00Z", "2026-02-30T03:04:05Z",
    "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.9999990Z", f" {SECOND}.000Z", f"{SECOND}.000Z ",
    f"on {SECOND}.000Z", f"{SECOND}.000Z\n", "/Date(1700000000000)/", "/Date(1700000000000+0200)/", "/Date(-1)/",
    "1.0", "1e3", "null", "true", "NaN", '{"a": 1.0}', "[1, 2]", "\\u0041", "\\", '"', "'", "\x00", "\t\n\r",
    "\x7f\x85", "K\u00e4fer", "Ka\u0308fer", "\u6f22\u5b57", "\u2028\u2029", "\ufeff", "\ufffd",
    "\U0001f600\U0001f468\u200d\U0001f469", "\u202eright to left", "\u0e01\u0e33", "\U0010ffff", "%20%00",
    "<b>&amp;</b>",
]  # fmt: skip
SKU: Final = "told-to-the-byte"


async def test_every_text_comes_out_as_it_went_in(stack: Stack, hosts: list[Client]) -> None:
    async with CosmosClient(stack.cosmos, EMULATOR_KEY) as cosmos:
        details = cosmos.get_database_client("orders").get_container_client("order-details")
        # Where there is none, the process may be the first to cancel.
        await hosts[0].post(f"/stock/{SKU}/receipts", {"quantity": len(TEXTS)}, str(uuid.uuid4()))
        few_at_once = asyncio.Semaphore(8)

        async def changed(text: str) -> list[str]:
            async with few_at_once:
                return [each for each in await journey(hosts, details, text) if each != text]

        altered = await asyncio.gather(*(changed(text) for text in TEXTS))
    assert {} == {text: seen for text, seen in zip(TEXTS, altered, strict=True) if seen}


async def journey(hosts: list[Client], details: ContainerProxy, text: str) -> list[str]:
    """Cancels an order for the reason `text`, and gives the reason as it is told wherever it is told."""
    line = {"sku": SKU, "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    placed = await hosts[0].post("/orders", {"customerId": "ada", "lines": [line]}, str(uuid.uuid4()))
    order_id = placed.body["orderId"]
    cancelled = await hosts[1].post(f"/orders/{order_id}/cancellation", {"reason": text}, str(uuid.uuid4()))
    assert 200 == cancelled.status, cancelled.body
    view_id = f"1~order-{order_id}"

    async def position() -> int:
        try:
            return int((await details.read_item(view_id, view_id))["position"])
        except CosmosResourceNotFoundError:
            return 0

    await eventually(2, position)
    # The view itself: a query would hide a wrong one by folding the events.
    view = await details.read_item(view_id, view_id)
    events = (await hosts[0].get(f"/orders/{order_id}/events?minVersion=2")).body["events"]
    answer = (await hosts[0].get(f"/orders/{order_id}?minVersion=2")).body
    return [
        view["view"]["cancellation"]["reason"],
        events[1]["data"]["reason"],
        answer["cancellation"]["reason"],
    ]
