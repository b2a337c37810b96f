"""Part 5b: what the processes hold in memory after many events and many streams, and what a cached stream weighs."""

import gc
import json
import tempfile
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from bench import cloud, views
from bench.material import CODEC, CUSTOMER, LINES, new_id, new_item
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderPlaced, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.events import PaymentProcessed, PaymentRequested
from domain.stock.aggregate import STOCK
from domain.stock.events import StockReceived, StockReserved
from emulators.bench.machine import children, resident_bytes
from emulators.bench.report import Cell, Table
from emulators.bench.scale import Scale, progress
from engine.commands.handler import CACHE_BYTES
from engine.commands.stream_state import StreamState, StreamStateCache
from engine.deciding.aggregate import Aggregate
from engine.projecting.projection import view_key
from engine.storing.containers import EVENTS
from engine.storing.cosmos_account import open_client
from engine.storing.items import from_item
from projections.stock_levels import STOCK_LEVELS

_HOSTS: Final = 2
_BATCH: Final = 100
_MIB: Final = 2**20
_CAUGHT_UP_WITHIN: Final = 400.0
_SAMPLE: Final = 500


async def run(scale: Scale) -> Sequence[Table]:
    return [await _after_events(scale.many), _after_streams(scale.many), _by_state()]


async def _after_events(many: int) -> Table:
    with tempfile.TemporaryDirectory(prefix="bench-") as data, cloud.stack(Path(data), _HOSTS) as stack:
        processes = _processes(stack)
        known = cloud.settings(stack.cosmos.url)
        async with open_client(known.engine.cosmos) as client:
            database = client.get_database_client(known.engine.cosmos_database)
            async with views.watching(database.get_container_client(STOCK_LEVELS.name)) as watch:
                await _stock(database.get_container_client(EVENTS.name), watch, 1)
                before = _resident(processes)
                progress(f"{many:,} events, and their projection by {_HOSTS} hosts")
                await _stock(database.get_container_client(EVENTS.name), watch, many // _BATCH)
                after = _resident(processes)
    return Table(
        f"Memory after {many:,} events",
        f"""
        Resident memory (RSS) of each process of a stack of {_HOSTS} hosts that has projected its first {_BATCH} events,
        and after {many:,} more in {many // _BATCH:,} streams, written in batches of {_BATCH} and projected by every
        function of the hosts.
        """,
        ["MiB", "before", "after", "more"],
        [[name, before[name], after[name], after[name] - before[name]] for name in processes],
    )


async def _stock(events: ContainerProxy, watch: views.Watch, streams: int) -> None:
    """Writes streams of stock, and waits until their views show the last event."""
    awaited: dict[str, int] = {}
    for _ in range(streams):
        stream_id = STOCK.stream_id(new_id())
        items = [new_item(stream_id, version, StockReceived("mug", 1)) for version in range(1, _BATCH + 1)]
        await events.execute_item_batch([("create", (item,)) for item in items], stream_id)
        awaited[view_key(STOCK_LEVELS.generation, stream_id)] = _BATCH
    await watch.until(awaited.items(), _CAUGHT_UP_WITHIN)


def _processes(stack: cloud.Stack) -> Mapping[str, int]:
    hosts = sorted(children(stack.functions.pid))
    named = {f"Functions host {number}": pid for number, pid in enumerate(hosts, start=1)}
    return {"Cosmos DB": stack.cosmos.pid, "front of the hosts": stack.functions.pid, **named}


def _resident(processes: Mapping[str, int]) -> Mapping[str, float]:
    return {name: resident_bytes(pid) / _MIB for name, pid in processes.items()}


def _after_streams(many: int) -> Table:
    with cloud.cosmos() as service:
        known = cloud.environment(service.url)
        cloud.provision(known)
        empty = resident_bytes(service.pid) / _MIB
        progress(f"{many:,} streams, a command each, through the service in a fresh process")
        steps: Sequence[Mapping[str, float]] = json.loads(
            cloud.run_python("-m", "bench.probes.many_streams", str(many), known=known)
        )
        full = resident_bytes(service.pid) / _MIB
    store = {0: empty, len(steps) - 1: full}
    rows: list[Sequence[Cell]] = [
        [f"{int(step['streams']):,}", step["resident"] / _MIB, int(step["cached"]), store.get(number)]
        for number, step in enumerate(steps)
    ]
    return Table(
        f"Memory after {many:,} streams",
        f"""
        Resident memory of a fresh process that places {many:,} orders, each a stream, through `CommandHandler` and the
        SDK, 32 at a time. The cache of stream states is bounded by {CACHE_BYTES // _MIB} MiB of estimated memory,
        session tokens by their number.
        """,
        ["streams", "service, MiB", "streams in its cache", "Cosmos DB in memory, MiB"],
        rows,
    )


def _by_state() -> Table:
    kinds: Mapping[str, tuple[Aggregate[Any, Any, Any], int]] = {
        "order, placed": (ORDER, 0),
        "order, shipped": (ORDER, 1),
        "payment, processed": (PAYMENT, 0),
        "stock without reservations": (STOCK, 0),
        "stock, 10 reservations": (STOCK, 10),
        "stock, 100 reservations": (STOCK, 100),
        "stock, 1,000 reservations": (STOCK, 1_000),
        "stock, 10,000 reservations": (STOCK, 10_000),
    }
    rows: list[Sequence[Cell]] = []
    for title, (aggregate, more) in kinds.items():
        count = max(2, _SAMPLE // max(1, more))
        real, estimated = _real_bytes(aggregate, more, count), _estimated_bytes(aggregate, more)
        rows.append([title, round(real), round(estimated), estimated / real])
    return Table(
        "What a cached stream weighs",
        """
        Bytes per stream in the cache of `engine/commands/stream_state.py`, for streams read from JSON: as `tracemalloc`
        counts them, and as the cache estimates them (its bound over how many fit). Above 1 the cache holds fewer
        streams than it could, below 1 it takes more memory than it was given.
        """,
        ["", "real bytes", "estimated bytes", "estimate over real"],
        rows,
    )


def _real_bytes(aggregate: Aggregate[Any, Any, Any], more: int, count: int) -> float:
    texts = [_texts(aggregate, more) for _ in range(count)]
    cache = StreamStateCache(2**40)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for stream in texts:
        _put(cache, aggregate, stream)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / count


def _estimated_bytes(aggregate: Aggregate[Any, Any, Any], more: int) -> float:
    """A cache's bound over the number of equal streams that it keeps."""
    stream = _texts(aggregate, more)
    bound = max(_MIB, (more + 10) * 250 * 200)
    cache = StreamStateCache(bound)
    folded = _folded(aggregate, stream)
    ids = [f"{number:042}" for number in range(bound // 500)]
    for stream_id in ids:
        cache.put(stream_id, folded)
    return bound / sum(cache.get(stream_id) is not None for stream_id in ids)


def _put(cache: StreamStateCache, aggregate: Aggregate[Any, Any, Any], texts: Sequence[str]) -> None:
    folded = _folded(aggregate, texts)
    # A key of its own, as one that came with a request.
    cache.put("".join(json.loads(texts[0])["streamId"]), folded)


def _folded(aggregate: Aggregate[Any, Any, Any], texts: Sequence[str]) -> StreamState[Any]:
    events = [from_item(json.loads(text)) for text in texts]
    decider = aggregate.decider
    return StreamState.at(decider.fold(decider.initial, map(CODEC.event_of, events)), events[-1])


def _texts(aggregate: Aggregate[Any, Any, Any], more: int) -> Sequence[str]:
    entity_id = new_id()
    stream_id = aggregate.stream_id(entity_id)
    events = enumerate(_events(aggregate, entity_id, more), start=1)
    return [json.dumps(new_item(stream_id, version, event)) for version, event in events]


def _events(aggregate: Aggregate[Any, Any, Any], entity_id: str, more: int) -> Iterator[object]:
    if aggregate is ORDER:
        yield OrderPlaced(entity_id, CUSTOMER, LINES)
        if more:
            yield OrderShipped(entity_id, CUSTOMER, "DHL", "T-1")
    elif aggregate is PAYMENT:
        yield PaymentRequested(entity_id, Money(1250, "EUR"))
        yield PaymentProcessed(entity_id, Money(1250, "EUR"), "P-1")
    else:
        yield StockReceived(entity_id, 1_000_000)
        yield from (StockReserved(entity_id, new_id(), 1) for _ in range(more))
