"""A read model is rebuilt and taken over, forth and back, while orders flow through two hosts."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.copies import copied_project, run_in, set_up
from tests.e2e.load import CUSTOMERS, Acknowledged, Load
from tests.e2e.stack import Client, client_of, eventually, running
from tests.settings import NO_BUS

NEXT = """

def project_again(view: OrderSummary | None, recorded: RecordedEvent[OrderEvent]) -> OrderSummary:
    summary = project(view, recorded)
    return replace(summary, order_id=f"again-{summary.order_id.removeprefix('again-')}")


AGAIN: Final = replace(ORDER_HISTORY, generation=2, project=project_again)
BY_CUSTOMER_AGAIN: Final = replace(BY_CUSTOMER, projection=AGAIN)
"""


async def pages(
    client: Client, customer: str, continuation: str | None = None, *, most: int = 1_000, limit: int = 100
) -> list[list[Mapping[str, Any]]]:
    """The last one has no continuation, unless there are more than `most`."""
    found: list[list[Mapping[str, Any]]] = []
    while True:
        more = "" if continuation is None else f"&continuation={continuation}"
        page = await client.get(f"/customers/{customer}/orders?limit={limit}{more}")
        assert page.status == 200, page
        found.append(page.body["orders"])
        if (continuation := page.body.get("continuation")) is None or len(found) == most:
            return found


def marked(orders: Iterable[Mapping[str, Any]]) -> set[bool]:
    return {each["orderId"].startswith("again-") for each in orders}


def placed_by(customer: str, acknowledged: Iterable[Acknowledged]) -> set[str]:
    orders = [each for each in acknowledged if each.path == "/orders" and each.body["customerId"] == customer]
    return {each.answered.body["orderId"] for each in orders}


@pytest.mark.timeout(300)
async def test_a_read_model_is_rebuilt_while_orders_flow(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    copied_project(project)
    with (project / "projections" / "order_history.py").open("a", encoding="utf-8") as file:
        file.write(NEXT)
    set_up(project)
    load = Load(1, enough=300)
    with running(tmp_path / "data", folder=project) as stack:
        cosmos = f"AccountEndpoint={stack.cosmos}/;AccountKey={_key(project)};"

        def operated(*arguments: str) -> list[Mapping[str, Any]]:
            command = (sys.executable, "-m", "operate", "projections", *arguments, "--json")
            said = run_in(
                project, *command, COSMOS=cosmos, COSMOS_DATABASE="orders", SERVICEBUS=NO_BUS, DEVSTACK_DATA="/nowhere"
            )
            return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

        async with client_of(stack) as client:
            clients = asyncio.create_task(load.run(client, clients=2))
            await load.reached.wait()
            (whole,) = await asyncio.to_thread(operated, "rebuild", "order-history", "--ru-per-second", "20000")
            assert (2, "whole") == (whole["generation"], whole["state"])
            assert {False} == marked((await pages(client, "ada", most=1))[0])
            first = await client.get("/customers/ada/orders?limit=5")
            await asyncio.to_thread(operated, "flip", "order-history")

            async def flipped() -> set[bool]:
                pages_now = [
                    await pages(host, each, most=3, limit=5) for host in await client.hosts() for each in CUSTOMERS
                ]
                for its in pages_now:
                    # All pages that follow a first one are of its generation.
                    assert 1 == len(marked(order for page in its for order in page)), its
                return {mark for its in pages_now for mark in marked(its[0])}

            await eventually({True}, flipped)
            for host in await client.hosts():
                rest = await pages(host, "ada", first.body["continuation"])
                assert {False} == marked(order for page in rest for order in page)
            clients.cancel()
            await asyncio.gather(clients, return_exceptions=True)
            await eventually([], lambda: _missing(client, load.acknowledged, "again-"), within=60)
            await asyncio.to_thread(operated, "flip", "order-history")
            await eventually([], lambda: _missing(client, load.acknowledged, ""), within=60)
            states = {
                (each["consumer"], each["generation"]): each["state"] for each in operated("status") if "state" in each
            }
            assert ("serves", "whole") == (states["order-history", 1], states["order-history", 2])


async def _missing(client: Client, acknowledged: Iterable[Acknowledged], mark: str) -> list[str]:
    """What was placed, and is not shown as it should be by one of the hosts."""
    missing = list[str]()
    for host in await client.hosts():
        for customer in CUSTOMERS:
            shown = {order["orderId"] for page in await pages(host, customer) for order in page}
            missing += sorted({f"{mark}{each}" for each in placed_by(customer, acknowledged)} - shown)
    return missing


def _key(project: Path) -> str:
    settings = json.loads((project / "local.settings.json").read_text(encoding="utf-8"))
    return str(settings["Values"]["COSMOS"].split("AccountKey=")[1].rstrip(";"))
