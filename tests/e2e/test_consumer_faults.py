"""Receivers that freeze or die with a session in their hands, and a broker that dies under the relay: nothing is lost,
nothing happens twice, nothing is given up.
"""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from domain.stock.aggregate import STOCK
from tests.e2e.drained import nothing_is_dead, nothing_is_under_way
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.judge import Judge, judge_of
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually

COMMANDS: Final = 4
"""Asynchronous receipts of 1, 2, … units of one sku."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with parts(tmp_path_factory.mktemp("consumers")) as running:
        yield running


@dataclass(frozen=True)
class Warehouse:
    """Sends asynchronous receipts of a sku of its own. `hold` keeps the consumers from carrying them out."""

    running: Parts
    client: InsistentClient
    judge: Judge
    sku: str

    @property
    def session(self) -> str:
        return STOCK.stream_id(self.sku)

    def hold(self) -> None:
        """The store refuses all that correlation the stream: handlers of its messages wait, and hold their session."""
        fault = {"effect": "refuse", "status": 503, "partitionKey": self.session, "times": None}
        self.running.control("cosmos", "faults", fault)

    def let_go(self) -> None:
        self.running.control("cosmos", "faults", method="DELETE")

    async def send(self, count: int = COMMANDS) -> list[str]:
        """One after the other; the ids of the commands."""
        path, accepted = f"/stock/{self.sku}/receipts", []
        for quantity in range(1, count + 1):
            answer = await self.client.post(path, {"quantity": quantity}, Prefer="respond-async")
            assert answer.status == 202, answer
            accepted.append(str(answer.body["commandId"]))
        return accepted

    async def holder(self, command_id: str) -> int:
        """The number of the host that has the command in its hands, once it has tried to carry it out."""
        pattern = rf"\[(\d)\] .*message {command_id} of commands waits"
        return int((await asyncio.to_thread(self.running.says, "functions", pattern))[0][1])

    async def took_effect_once_and_in_order(self, commands: list[str]) -> None:
        async def outcomes() -> list[tuple[str, int]]:
            answers = [await self.client.get(f"/commands/{command_id}") for command_id in commands]
            return [(each.body["status"], each.body.get("version", 0)) for each in answers]

        await eventually([("done", version) for version in range(1, len(commands) + 1)], outcomes, within=60)
        await nothing_is_under_way(self.running)
        stream = await self.judge.stream(STOCK, self.sku)
        assert commands == [event.metadata.causation_id for event in stream.stored]
        await self.judge.nothing_is_parked()
        await nothing_is_dead(self.running)


@pytest.fixture
async def warehouse(running: Parts) -> AsyncIterator[Warehouse]:
    async with insistent_client(running) as client, judge_of(running) as judge:
        made = Warehouse(running, client, judge, f"mug-{uuid.uuid4().hex[:8]}")
        yield made
        made.let_go()


async def test_a_lock_that_ends_under_a_slow_handler_leaves_one_effect(warehouse: Warehouse) -> None:
    """Guards handlers against each other: a host is frozen in the middle of a message, its lock ends, and the other
    one gets the message and carries it out. The first wakes up, finds it done, and its completion is refused.
    """
    running, session = warehouse.running, warehouse.session
    warehouse.hold()
    commands = await warehouse.send()
    slow = await warehouse.holder(commands[0])
    pid = running.hosts()[slow]
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        other = rf"\[(?!{slow})\d\] "
        await asyncio.to_thread(running.says, "functions", rf"{other}.*message {commands[0]} of commands waits")
        warehouse.let_go()
        done = rf"{other}handle_command ok message \d+ of session {session} \(delivery \d+\)"
        await asyncio.to_thread(running.says, "functions", done)
    finally:
        os.kill(pid, signal.SIGCONT)
    lost = rf"\[{slow}\] handle_command message \d+ of session {session}: its lock was lost"
    await asyncio.to_thread(running.says, "functions", lost)
    await warehouse.took_effect_once_and_in_order(commands)


async def test_a_host_that_is_killed_while_it_holds_a_session_hands_it_on(warehouse: Warehouse) -> None:
    """Guards the order of a session across receivers: another host goes on with the message that the dead one held."""
    warehouse.hold()
    commands = await warehouse.send()
    holder = await warehouse.holder(commands[0])
    pid = warehouse.running.hosts()[holder]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(warehouse.running.says, "functions", rf"host {holder} ended with status")
    warehouse.let_go()
    await warehouse.took_effect_once_and_in_order(commands)


@pytest.mark.parametrize("entity", ["events", "commands", "reactions"])
async def test_a_broker_that_dies_in_the_middle_of_a_batch_of_the_relay_is_sent_it_again(
    warehouse: Warehouse, entity: str
) -> None:
    """Guards the relay's checkpoint: it moves when all messages of a batch were accepted, whichever entity they go to.

    Without the rest of the batch no order would come to its end.
    """
    running, client, sku = warehouse.running, warehouse.client, warehouse.sku
    assert 200 == (await client.post(f"/stock/{sku}/receipts", {"quantity": 10})).status
    await nothing_is_under_way(running, also_scheduled=False)
    waits = len(running.says("functions", "the relay waits for the bus", times=0))
    # The receipt, which may be under way to the topic, correlation nobody.
    skip = 1 if entity == "events" else 0
    running.control("servicebus", "faults", {"effect": "kill", "kinds": ["send"], "entity": entity, "skip": skip})
    line = {"sku": sku, "quantity": 1, "unitPrice": {"amount": "5.00", "currency": "EUR"}}
    placed = [await client.post("/orders", {"customerId": "ada", "lines": [line]}) for _ in range(3)]
    order_ids = [str(each.body["orderId"]) for each in placed]
    await asyncio.to_thread(running.ended, "servicebus")
    # Only then has the SDK, which tries again by itself, given the batch up.
    await asyncio.to_thread(running.says, "functions", "the relay waits for the bus", waits + 1)
    running.start_again("servicebus")
    for order_id in order_ids:
        await eventually("requested", partial(payment_status, client, order_id), within=60)
        report = {"outcome": "processed", "reference": order_id}
        assert 200 == (await client.post(f"/orders/{order_id}/payment", report)).status
    stories = await warehouse.judge.all_are_settled(order_ids)
    assert {"confirmed"} == {each.fate for each in stories}
    await warehouse.judge.stock_is_balanced(stories, {sku: 10})
    await warehouse.judge.nothing_is_parked()
    await nothing_is_dead(running)


async def payment_status(client: InsistentClient, order_id: str) -> object:
    payment = await client.get(f"/orders/{order_id}/payment")
    return payment.body["status"] if payment.status == 200 else None
