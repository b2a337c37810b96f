"""Part 5a: from a POST to the view that shows it, and how many commands a second, with two hosts."""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import function_app
from bench import clients, cloud, views
from bench.clients import Api, Outcome
from bench.material import new_id
from domain.order.aggregate import ORDER
from emulators.bench.machine import facts
from emulators.bench.measure import percentile
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale, progress
from engine.projecting.projection import view_key
from engine.storing.cosmos_account import open_client
from projections.order_details import ORDER_DETAILS

HOSTS: Final = 2
MANY_CLIENTS: Final = 32
_CAUGHT_UP_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class _Rhythm:
    """How many clients, and how long each thinks before its next order, in seconds, on average."""

    clients: int
    think: float


_LIGHT: Final = _Rhythm(1, 0.5)
_RHYTHMS: Final = (_LIGHT, _Rhythm(1, 0.1), _Rhythm(MANY_CLIENTS, 2.0))

MOST_MS_P50: Final = 150.0
MOST_MS_P99: Final = 500.0


async def run(scale: Scale) -> Sequence[Table]:
    with tempfile.TemporaryDirectory(prefix="bench-") as data, cloud.stack(Path(data), HOSTS) as stack:
        known = cloud.settings(stack.cosmos.url)
        async with open_client(known.engine.cosmos) as client, clients.api_of(stack.functions.url) as api:
            details = client.get_database_client(known.engine.cosmos_database).get_container_client(ORDER_DETAILS.name)
            async with views.watching(details) as watch:
                await _warm_up(api, watch)
                seen = [await _visible(api, watch, rhythm, scale.seconds * 2) for rhythm in _RHYTHMS]
                return [_visibility(seen), await _throughput(scale, api, watch)]


async def _warm_up(api: Api, watch: views.Watch) -> None:
    placed = [await api.place_order(host) for host in range(HOSTS) for _ in range(5)]
    await watch.until([(_view(order_id), 1) for _, order_id in placed], _CAUGHT_UP_WITHIN)


async def _visible(api: Api, watch: views.Watch, rhythm: _Rhythm, seconds: float) -> Sequence[Cell]:
    progress(f"POST to visible, clients: {rhythm.clients}")
    posted: dict[str, tuple[float, float]] = {}
    begun = time.perf_counter()

    async def client(number: int) -> None:
        chance = random.Random(number)
        while time.perf_counter() < begun + seconds:
            # Apart from each other and from the poll of the feed.
            await asyncio.sleep(chance.uniform(0, 2 * rhythm.think))
            since = time.perf_counter()
            status, order_id = await api.place_order(number)
            if status != 201:
                raise AssertionError(f"an order was answered {status}")
            posted[_view(order_id)] = (since, time.perf_counter())

    await asyncio.gather(*(client(number) for number in range(rhythm.clients)))
    lasted = time.perf_counter() - begun
    await watch.until([(view, 1) for view in posted], _CAUGHT_UP_WITHIN)
    answered = [answer - since for since, answer in posted.values()]
    visible = [watch.seen[view] - since for view, (since, _) in posted.items()]
    return [
        rhythm.clients,
        rhythm.think,
        len(posted),
        len(posted) / lasted,
        *(percentile(each, share) * 1e3 for each in (answered, visible) for share in (50, 99)),
    ]


def _visibility(rows: Sequence[Sequence[Cell]]) -> Table:
    *_, p50, p99 = rows[_RHYTHMS.index(_LIGHT)]
    return Table(
        "From POST to visible",
        f"""
        `POST /orders` until the order's view is in its container, as seen in that container's own change feed, read
        every {views.RESOLUTION * 1e3:.0f} ms. {HOSTS} hosts, clients in turn; each waits for its answer and then
        thinks for so long on average. The functions poll the feed every {function_app.VIEW_POLL_MS} ms: half of that
        is the least that the median can be beyond the answer. Clients, hosts and Cosmos DB share {facts()["cores"]}
        cores.
        """,
        [
            *("clients", "thinks, s", "orders", "per second"),
            *("answer p50, ms", "answer p99, ms", "visible p50, ms", "visible p99, ms"),
        ],
        rows,
        [
            Goal("two orders a second, POST to visible, p50, ms", MOST_MS_P50, float(p50 or 0)),
            Goal("two orders a second, POST to visible, p99, ms", MOST_MS_P99, float(p99 or 0)),
        ],
    )


async def _throughput(scale: Scale, api: Api, watch: views.Watch) -> Table:
    rows: list[Sequence[Cell]] = []
    goals: Sequence[Goal] = ()
    sku = new_id()
    for number in (1, MANY_CLIENTS):
        placed: list[str] = []
        who = "1 client" if number == 1 else f"{number} clients"

        async def place(client: int, placed: list[str] = placed) -> int:
            status, order_id = await api.place_order(client)
            if status == 201:
                placed.append(order_id)
            return status

        by_host: Counter[int] = Counter()

        async def receive(client: int, by_host: Counter[int] = by_host) -> int:
            status = await api.receive_stock(client, sku)
            by_host[client % HOSTS] += 1
            return status

        progress(f"commands of {who}, a stream each time")
        outcome = await clients.load(number, scale.seconds, place)
        begun = time.perf_counter()
        await watch.until([(_view(order_id), 1) for order_id in placed], _CAUGHT_UP_WITHIN)
        rows.append([f"{who}, many streams (orders)", *_figures(outcome), time.perf_counter() - begun])
        progress(f"commands of {who}, one stream")
        outcome = await clients.load(number, scale.seconds, receive)
        rows.append([f"{who}, one stream (stock)", *_figures(outcome), None])
        goals = _hot_stream(outcome, by_host)
    return Table(
        "Commands per second",
        f"""
        Clients that send the next command when the last one was answered, in turn to {HOSTS} hosts: orders, each a
        stream of its own, or receipts of one sku, all of one stream, for which the hosts compete. The projections of
        all of it run meanwhile, on the same {facts()["cores"]} cores as clients, hosts and Cosmos DB. The last column
        is how long the order view took to catch up after the last answer. Turned away is 503: too many others won.
        """,
        ["", "commands per second", "p50, ms", "p99, ms", "turned away", "caught up after, s"],
        rows,
        goals,
    )


def _hot_stream(outcome: Outcome, by_host: Mapping[int, int]) -> Sequence[Goal]:
    p99 = percentile(outcome.seconds, 99)
    return [
        Goal("one hot stream, commands per second", 400.0, outcome.per_second, at_least=True),
        Goal("one hot stream, p99, s", 1.0, p99),
        Goal("one hot stream, turned away", 0.0, outcome.turned_away),
        Goal("one hot stream, the busier host over the other", 2.0, max(by_host.values()) / min(by_host.values())),
    ]


def _figures(outcome: Outcome) -> Sequence[Cell]:
    times = [percentile(outcome.seconds, share) * 1e3 for share in (50, 99)]
    return [outcome.per_second, *times, outcome.turned_away]


def _view(order_id: str) -> str:
    return view_key(ORDER_DETAILS.generation, ORDER.stream_id(order_id))
