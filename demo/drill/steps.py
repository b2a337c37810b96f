"""The drill: orders flow, the store goes back to an earlier moment, and the service comes back from it."""

import asyncio
import json
import os
import re
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from composition.domain import READ_MODELS
from demo.client import client_of
from demo.drill.generations import add_next
from demo.drill.orders import Orders
from demo.drill.receiver import Notified, receiver
from demo.drill.stack import Ended, Stack, stack_of
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.projecting.generations.port import Generations, change
from engine.projecting.generations.switching import CONTINUED
from engine.storing.containers import EVENTS, GENERATIONS, LEASES, OUTCOMES, PARKED, SNAPSHOTS
from operate.failure import CommandFailed
from operate.messages import connected

HOSTS: Final = 2
_DEADLINE: Final = "00:00:45"
_FASTEST: Final = "20000"
_NOTICED: Final = re.compile(r"stream (\S+) (?:lost events that this process had seen|was appended to after another)")
_RESTORED: Final = (EVENTS, SNAPSHOTS, PARKED, OUTCOMES, GENERATIONS)
"""These go back to the recovery point; the read models come from a moment later."""


async def run(root: Path) -> None:
    """Runs the drill from its beginning to its end, in a folder that is gone then. Raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        async with receiver() as (url, notified):
            secret = secrets.token_hex(16)
            settings = {"PAYMENT_DEADLINE": _DEADLINE, "NOTIFICATIONS_WEBHOOK": url, "NOTIFICATIONS_SECRET": secret}
            async with stack_of(root, Path(folder) / "service", settings) as stack:
                await _Drill(stack, notified).run()


class _Kept(NamedTuple):
    """Orders of before the recovery point: one stays confirmed until the end, two have gone on since."""

    confirmed: str
    shipped_since: str
    cancelled_since: str


@dataclass(slots=True)
class _Drill:
    stack: Stack
    notified: Notified
    began: float = field(default_factory=time.monotonic)
    step: int = 0

    async def run(self) -> None:
        stack = self.stack
        self._title("A stack of its own: Cosmos DB, Service Bus, two hosts")
        await stack.control("backup", {"name": "empty"})
        await stack.start_app(HOSTS)
        async with client_of(stack.api) as client:
            orders = Orders(client)
            kept = await self._orders_flow(orders)
            await self._the_recovery_point(orders, kept)
            lost = await self._more_orders(orders)
            await self._the_disaster()
            await self._what_is_answered(orders, kept, lost)
        await stack.stop_app()
        await self._what_is_found()
        former = await self._the_next_generations()
        async with client_of(stack.api) as client:
            orders = Orders(client)
            await self._rebuilt(former)
            await self._orders_flow_again(orders, kept)
            await self._what_is_lost(orders, kept, lost)

    async def _orders_flow(self, orders: Orders) -> _Kept:
        self._title("Orders flow")
        await orders.receive(100)
        placed = await orders.place(8)
        await orders.until_paid_for(placed[:6])
        await orders.ship(placed[:4])
        await orders.until_asked(placed[6:])
        self._say("8 orders: 4 are shipped, 2 confirmed, 2 wait for their payment")
        return _Kept(*placed[4:7])

    async def _the_recovery_point(self, orders: Orders, kept: _Kept) -> None:
        self._title("The recovery point, to which the store will go back")
        await self.stack.control("backup", {"name": "recovery-point"})
        await orders.ship([kept.shipped_since])
        await orders.client.post(f"/orders/{kept.cancelled_since}/cancellation", {"reason": "changed my mind"})
        await orders.until_paid_for(await orders.place(2))
        await self.stack.control("backup", {"name": "a-moment-later"})
        self._say("a moment later: a confirmed order is shipped, an open one cancelled, 2 more are confirmed")

    async def _more_orders(self, orders: Orders) -> Sequence[str]:
        self._title("Orders flow on")
        paid = await orders.place(2)
        await orders.until_paid_for(paid)
        await orders.ship(paid[:1])
        await orders.place(2)
        lost = orders.placed[8:]
        self._say(f"{len(lost)} orders were accepted since the recovery point, the last two just now")
        return lost

    async def _the_disaster(self) -> None:
        self._title("The disaster: the store goes back, under hosts that run on")
        names = [each.name for each in _RESTORED]
        views = [each.name for each in READ_MODELS]
        await self.stack.control("restore", {"name": "recovery-point", "containers": names})
        await self.stack.control("restore", {"name": "a-moment-later", "containers": views})
        self._say(f"to the recovery point: {', '.join(names)}")
        self._say(f"to a moment later, so that they are ahead of their events: {', '.join(views)}")

    async def _what_is_answered(self, orders: Orders, kept: _Kept, lost: Sequence[str]) -> None:
        self._title("What hosts answer that have seen more")
        order = kept.shipped_since
        for each in (order, lost[-1]):
            # The first read of each host finds itself ahead of the store.
            for _ in range(2 * HOSTS):
                status = await orders.status(each)
            self._say(f"GET /orders/{each}: {status}; its events: {', '.join(await orders.events(each)) or 'none'}")
        (answer,) = await orders.ship([order], carrier="UPS")
        self._say(f"POST /orders/{order}/shipment: {answer['status']} at version {answer['version']}, by its events")
        streams = {match[1] for line in self.stack.said if (match := _NOTICED.search(line))}
        self._say(f"the log names {len(streams)} streams that have lost events which a host had seen")

    async def _what_is_found(self) -> None:
        self._title("The app is stopped: operate verify")
        # Those of another account would not be there either.
        await self.stack.control("restore", {"name": "empty", "containers": [LEASES.name]})
        ended = await self.stack.operate("verify")
        self._show(ended)
        if not ended.status:
            raise CommandFailed("verify has found nothing, though read models are ahead of their events")

    async def _the_next_generations(self) -> Mapping[str, int]:
        """Returns the number of the former one, by read model."""
        self._title("A build with the next generation of every read model is deployed, and the app started")
        added = add_next(self.stack.folder, READ_MODELS)
        self._say(", ".join(f"{name}@{number}" for name, number in added.items()))
        await self.stack.start_app(HOSTS)
        return {name: number - 1 for name, number in added.items()}

    async def _rebuilt(self, former: Mapping[str, int]) -> None:
        self._title("operate projections rebuild, side by side; it takes a minute at least")
        await self._each({name: ("rebuild", name, "--ru-per-second", _FASTEST) for name in former})
        self._title("operate projections flip")
        await self._each({name: ("flip", name) for name in former})
        self._show(await self.stack.operate("projections", "status"))
        self._title("operate projections drop, an hour later: the drill dates the flips back by one")
        async with connected(self.stack.environment, changes=True) as services:
            for each in READ_MODELS:
                await change(services.generations.store, each.name, each.generations[0], _an_hour_ago)
        await self._each({name: ("drop", name, "--generation", str(number)) for name, number in former.items()})

    async def _orders_flow_again(self, orders: Orders, kept: _Kept) -> None:
        self._title("Orders flow again")
        placed = await orders.place(4)
        await orders.until_paid_for(placed)
        await orders.ship([*placed, kept.confirmed])
        self._say("4 new orders are shipped, and one that was confirmed before")
        self._title("operate verify")
        ended = await self.stack.operate("verify")
        self._show(ended)
        if ended.status:
            raise CommandFailed("verify has found something after all was rebuilt")

    async def _what_is_lost(self, orders: Orders, kept: _Kept, lost: Sequence[str]) -> None:
        self._title("What is lost")
        gone = [each for each in lost if await orders.status(each) == "404"]
        self._say(f"{len(gone)} of the {len(lost)} orders that were accepted since the recovery point")
        for what, order in (("shipped", kept.shipped_since), ("cancelled", kept.cancelled_since)):
            events = ", ".join(await orders.events(order))
            self._say(f"that an order was {what} since; it has gone on from before that: {events}")
        left = Counter([each for order in lost for each in await self._left_of(order)])
        events = ", ".join(f"{count} {name}" for name, count in left.items()) or "none"
        self._say(f"not lost were messages of the bus about such orders; they have left: {events}")
        told = Counter(str(each["type"]) for each in self.notified if each["data"]["orderId"] in lost)
        events = ", ".join(f"{count} {name}" for name, count in told.items())
        self._say(f"not taken back were notifications of what is gone: {events}")
        times = Counter((each["data"]["orderId"], each["type"]) for each in self.notified)
        self._say(f"notified of twice was what has happened again: {sum(n > 1 for n in times.values())} events")

    async def _left_of(self, order_id: str) -> Sequence[str]:
        """The types of the events in the streams of a lost order."""
        found = list[str]()
        async with connected(self.stack.environment) as services:
            for aggregate in (ORDER, PAYMENT, FULFILMENT):
                found += [each.type for each in await services.queries.store.read(aggregate.stream_id(order_id))]
        return found

    async def _each(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Runs these commands side by side. Raises CommandFailed where one fails."""
        asked = (self.stack.operate("projections", *each, "--json") for each in commands.values())
        for ended in await asyncio.gather(*asked):
            if ended.status:
                raise CommandFailed(f"operate projections failed: {ended.err}")
            told = json.loads(ended.out)
            self._say(f"{told.pop('readModel')}: {', '.join(f'{name} {value}' for name, value in told.items())}")

    def _title(self, text: str) -> None:
        bold, plain = ("\033[1m", "\033[0m") if os.isatty(1) else ("", "")
        self.step += 1
        print(f"\n{bold}{self.step}. {text}{plain}  ({time.monotonic() - self.began:.0f} s)", flush=True)

    def _say(self, text: str) -> None:
        print(f"   {text}", flush=True)

    def _show(self, ended: Ended) -> None:
        verdict = [line for line in ended.err.splitlines()[-1:] if not line.endswith(")")]
        for line in [*ended.out.splitlines(), *verdict]:
            self._say(line)


def _an_hour_ago(now: Generations) -> Generations:
    return now if now.flipped_at is None else replace(now, flipped_at=now.flipped_at - CONTINUED)
