"""Asynchronous commands on the running stack: carried out once and in order, whatever is killed meanwhile."""

import asyncio
import os
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.drained import nothing_is_dead
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually

ROUNDS = 50 if os.environ.get("FULL_ROUNDS") else 3
CLIENTS = 6
SKUS = ("mug", "cup")
DECIDED_WITHIN = 90.0
"""Locks expire, hosts come back and reconnect: seconds until everything that was accepted is decided."""


@dataclass(frozen=True)
class Accepted:
    """A command that was answered 202, by the client's own number, in the order in which it was accepted."""

    client: int
    path: str
    command_id: str


@dataclass
class AsyncLoad:
    """Clients that send asynchronous commands one after the other, again and again until they are accepted."""

    client: InsistentClient
    seed: int
    commands: int
    accepted: list[Accepted] = field(default_factory=list)
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    async def reached(self, count: int) -> None:
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.accepted) >= count)

    async def _client(self, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        for step in range(self.commands // CLIENTS):
            path, body = self._command(chance)
            answer = await self.client.post(path, body, f"{self.seed}-{number}-{step}", Prefer="respond-async")
            assert answer.status == 202, answer
            async with self.progress:
                self.accepted.append(Accepted(number, path, answer.body["commandId"]))
                self.progress.notify_all()

    @staticmethod
    def _command(chance: random.Random) -> tuple[str, dict[str, Any]]:
        if chance.random() < 0.7:
            return f"/stock/{chance.choice(SKUS)}/receipts", {"quantity": chance.randint(1, 9)}
        # An order that was never placed: refused.
        return f"/orders/{uuid.UUID(int=chance.getrandbits(128))}/cancellation", {"reason": "no"}


async def outcome_of(load: AsyncLoad, accepted: Accepted) -> Mapping[str, Any]:
    outcome: Mapping[str, Any] = (await load.client.get(f"/commands/{accepted.command_id}")).body
    return outcome


async def every_outcome_is_final(load: AsyncLoad) -> Mapping[str, Mapping[str, Any]]:
    outcomes: dict[str, Mapping[str, Any]] = {}

    async def undecided() -> list[str]:
        for accepted in load.accepted:
            if outcomes.get(accepted.command_id, {}).get("status") not in ("done", "refused"):
                outcomes[accepted.command_id] = await outcome_of(load, accepted)
        return [name for name, outcome in outcomes.items() if outcome.get("status") not in ("done", "refused")]

    await eventually([], undecided, within=DECIDED_WITHIN)
    return outcomes


async def story_of(load: AsyncLoad, sku: str, min_version: int) -> list[Mapping[str, Any]]:
    return list((await load.client.get(f"/stock/{sku}/events?limit=500&minVersion={min_version}")).body["events"])


async def took_effect_once_and_in_order(load: AsyncLoad, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    for sku in SKUS:
        wanted = [each for each in load.accepted if each.path == f"/stock/{sku}/receipts"]
        events = await story_of(load, sku, max(outcomes[each.command_id]["version"] for each in wanted))
        assert list(range(1, len(events) + 1)) == [event["version"] for event in events]
        happened = [event["causationId"] for event in events]
        assert sorted(each.command_id for each in wanted) == sorted(happened)
        assert {each.command_id: outcomes[each.command_id].get("version") for each in wanted} == {
            event["causationId"]: event["version"] for event in events
        }
        for client in range(CLIENTS):
            sent = [each.command_id for each in wanted if each.client == client]
            assert sent == [command_id for command_id in happened if command_id in set(sent)]
    refused = [outcomes[each.command_id] for each in load.accepted if each.path.startswith("/orders")]
    assert {("refused", 404)} == {(outcome["status"], outcome["problem"]["status"]) for outcome in refused}


async def kill_now_and_then(running: Parts, load: AsyncLoad, seed: int) -> None:
    chance = random.Random(seed)
    for moment in sorted(chance.sample(range(5, load.commands - 5), 3)):
        await load.reached(moment)
        await asyncio.to_thread(running.kill, chance.choice(["host", "host", "servicebus"]))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_every_accepted_command_ends_once_and_in_order(tmp_path: Path, seed: int) -> None:
    with parts(tmp_path) as running:
        async with insistent_client(running) as client:
            load = AsyncLoad(client, seed, commands=120)
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run())
                group.create_task(kill_now_and_then(running, load, seed))
            outcomes = await every_outcome_is_final(load)
            await took_effect_once_and_in_order(load, outcomes)
            await nothing_is_dead(running)
