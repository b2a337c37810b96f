"""Part 3a: reading a history back: items to events to state, beside the `eventsourcing` library.

The library's side is its own recommended way: `Mapper` and `JSONTranscoder` as `Application` makes them, value objects
by registered transcodings, `mutate` on one aggregate object. From JSON text it is untouched; from dicts, for which it
has no way of its own, its `json` decoder is replaced by a walk that parses nothing (bench/library.py).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Final

from msgspec.structs import astuple

from bench import library
from bench.material import CODEC, CUSTOMER, LINES, new_id, new_item
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.stock.aggregate import STOCK
from domain.stock.events import StockDispatched, StockReceived, StockReserved
from emulators.bench.measure import interleaved
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale
from engine.commands.stream_state import StreamState
from engine.deciding.aggregate import Aggregate
from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import from_item

EVENTS: Final = 10_000
_ORDERS: Final = EVENTS // 3
_GOAL: Final = 3.0

Items = Sequence[Mapping[str, Any]]


def run(scale: Scale) -> Sequence[Table]:
    shop = library.Shop()
    mapper = library.dict_mapper(shop)
    order_items, stock_items = _orders(), [_stock()]
    their_orders, their_stock = _their_orders(shop), [_their_stock(shop)]
    kinds: Mapping[str, tuple[Aggregate[Any, Any, Any], Sequence[Items], Sequence[Items]]] = {
        f"{_ORDERS:,} orders of 3 events": (ORDER, order_items, their_orders),
        f"1 stock of {EVENTS:,} events": (STOCK, stock_items, their_stock),
    }
    rows: list[Sequence[Cell]] = []
    goals: list[Goal] = []
    for title, (aggregate, ours, theirs) in kinds.items():
        from_dicts = _compared(scale, _fold_all(aggregate, ours), partial(_their_fold, mapper, theirs))
        rows.append([f"{title}, from dicts", *from_dicts])
        goals.append(Goal(f"decode and fold from dicts, {title}", _GOAL, from_dicts[2], at_least=True))
        rows.append([f"{title}, from JSON text", *_compared(scale, *_from_text(aggregate, shop, ours, theirs))])
    return [
        Table(
            "Decode and fold 10,000 events",
            f"""
            ours: items with their whole envelope (11 fields, times, ids) to `StoredEvent`, strictly to event classes,
            to the state, and the head of the stream, as a cold command does: `from_item`, `StreamState.then`.
            library: `eventsourcing`, aggregates with `@event` methods; stored events (version, topic, timestamp, state)
            to domain events by its JSON transcoder, `mutate` one after the other, as its repository does. It checks
            no types.
            Both fold the same orders (two lines with prices, confirmed, shipped), and the same stock (received,
            reserved, dispatched). From JSON text both parse with `json`; {scale.rounds} rounds, in turns.
            """,
            ["", "ours, µs per event", "library, µs per event", "times as fast"],
            rows,
            goals,
        ),
        _steps(scale, order_items, stock_items),
    ]


def _compared(scale: Scale, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    timings = interleaved({"ours": ours, "library": theirs}, scale.rounds, EVENTS)
    return timings.median("ours") * 1e6, timings.median("library") * 1e6, timings.ratio("library", "ours")


def _fold_all(aggregate: Aggregate[Any, Any, Any], streams: Sequence[Items]) -> Callable[[], object]:
    def fold() -> None:
        for items in streams:
            _folded(aggregate, items)

    return fold


def _folded(aggregate: Aggregate[Any, Any, Any], items: Items) -> StreamState[Any]:
    events = [from_item(item) for item in items]
    decider = aggregate.decider
    return StreamState.at(decider.fold(decider.initial, map(CODEC.event_of, events)), events[-1])


def _their_fold(mapper: Any, streams: Sequence[Items]) -> None:
    for items in streams:
        library.folded(mapper, items)


def _from_text(
    aggregate: Aggregate[Any, Any, Any], shop: library.Shop, ours: Sequence[Items], theirs: Sequence[Items]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Theirs is the library's own way, untouched: its stored events hold their state as JSON bytes."""
    our_texts = [[json.dumps(item) for item in items] for items in ours]
    their_texts = [[{**item, "state": json.dumps(item["state"]).encode()} for item in items] for items in theirs]

    def fold() -> None:
        for texts in our_texts:
            _folded(aggregate, [json.loads(text) for text in texts])

    return fold, partial(_their_fold, shop.mapper, their_texts)


def _steps(scale: Scale, orders: Sequence[Items], stock: Sequence[Items]) -> Table:
    rows: list[Sequence[Cell]] = []
    for title, aggregate, streams in (("orders", ORDER, orders), ("stock", STOCK, stock)):
        stored = [[from_item(item) for item in items] for items in streams]
        decoded = [[CODEC.event_of(event) for event in events] for events in stored]

        def envelope(streams: Sequence[Items] = streams) -> None:
            for items in streams:
                for item in items:
                    from_item(item)

        def decode(stored: Any = stored) -> None:
            for events in stored:
                for event in events:
                    CODEC.event_of(event)

        def evolve(decoded: Any = decoded, aggregate: Aggregate[Any, Any, Any] = aggregate) -> None:
            for events in decoded:
                state = aggregate.decider.initial
                for event in events:
                    state = aggregate.decider.evolve(state, event)

        sides = {
            "envelope": envelope,
            "decode": decode,
            "evolve": evolve,
            "all": _fold_all(aggregate, streams),
            "objects": _objects_alone(aggregate, stored, decoded),
        }
        timings = interleaved(sides, scale.rounds, EVENTS)
        rows.append([title, *(timings.median(side) * 1e6 for side in sides)])
    return Table(
        "Where the time of a fold goes",
        """
        ours, from dicts, each step alone: the envelope (`from_item`), the data (`EventCodec.event_of`), the state
        (`evolve`); all is the row of the table before. The last column makes the same envelopes, events and states
        from values at hand by their constructors, without reading or checking anything. That is no lower bound: set
        slot by slot, past its constructor, a frozen object is made in little more than half the time.
        """,
        ["µs per event", "envelope", "data", "state", "all", "the objects alone"],
        rows,
    )


def _objects_alone(
    aggregate: Aggregate[Any, Any, Any], stored: Sequence[Sequence[StoredEvent]], decoded: Sequence[Sequence[Any]]
) -> Callable[[], object]:
    streams = [
        [
            (astuple(event)[:-1], astuple(event.metadata), *_parts(data))
            for event, data in zip(events, datas, strict=True)
        ]
        for events, datas in zip(stored, decoded, strict=True)
    ]

    def make() -> None:
        for events in streams:
            state = aggregate.decider.initial
            for envelope, metadata, class_, values, lines in events:
                StoredEvent(*envelope, Metadata(*metadata))  # type: ignore[call-arg]
                if lines:
                    event = class_(*values, tuple([OrderLine(*line, Money(*price)) for line, price in lines]))
                else:
                    event = class_(*values)
                state = aggregate.decider.evolve(state, event)

    return make


def _parts(event: Any) -> tuple[type, tuple[Any, ...], Sequence[tuple[tuple[str, int], tuple[int, str]]]]:
    """The class and the values of an event, the lines of an order apart."""
    values = tuple(getattr(event, field.name) for field in fields(event) if field.name != "lines")
    lines = [
        ((line.sku, line.quantity), (line.unit_price.amount, line.unit_price.currency))
        for line in getattr(event, "lines", ())
    ]
    return type(event), values, lines


def _orders(orders: int = _ORDERS) -> Sequence[Items]:
    def events(order_id: str) -> Sequence[Any]:
        return (
            OrderPlaced(order_id, CUSTOMER, LINES),
            OrderConfirmed(order_id, CUSTOMER),
            OrderShipped(order_id, CUSTOMER, "DHL", "T-1"),
        )

    return [_items(ORDER.stream_id(order_id), events(order_id)) for order_id in (new_id() for _ in range(orders))]


def _stock(orders: int = EVENTS // 5) -> Items:
    events: list[object] = []
    for order_id in (new_id() for _ in range(orders)):
        events += [StockReceived("mug", 3), StockReserved("mug", order_id, 2), StockReceived("mug", 1)]
        events += [StockReserved("mug", f"{order_id}-b", 1), StockDispatched("mug", order_id, 2)]
    return _items(STOCK.stream_id("mug"), events)


def _their_orders(shop: library.Shop, orders: int = _ORDERS) -> Sequence[Items]:
    def new_order() -> library.Order:
        order = library.Order(CUSTOMER, list(LINES))
        order.confirm()
        order.ship("DHL", "T-1")
        return order

    return [library.as_dicts(shop, new_order()) for _ in range(orders)]


def _their_stock(shop: library.Shop, orders: int = EVENTS // 5) -> Items:
    stock = library.Stock("mug")
    for order_id in (new_id() for _ in range(orders)):
        stock.receive(3)
        stock.reserve(order_id, 2)
        stock.receive(1)
        stock.reserve(f"{order_id}-b", 1)
        stock.dispatch(order_id, 2)
    return library.as_dicts(shop, stock)


def _items(stream_id: str, events: Sequence[object]) -> Items:
    return [new_item(stream_id, version, event) for version, event in enumerate(events, start=1)]
