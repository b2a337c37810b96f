"""Part 3c: what the choice of a codec costs: ours, pydantic, functions written by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from bench import explicit, models
from bench.material import CUSTOMER, LINES, new_id
from domain.order.events import OrderConfirmed, OrderPlaced, OrderShipped
from emulators.bench.measure import interleaved
from emulators.bench.report import Cell, Table
from emulators.bench.scale import Scale
from engine.storing.converter import Converter

_REPEATS: Final = 700
_CLASSES: Final = (OrderPlaced, OrderConfirmed, OrderShipped)

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""Decode and encode."""


def run(scale: Scale) -> Sequence[Table]:
    converter = Converter()
    codecs: Mapping[str, Sequence[Pair]] = {
        "ours, over msgspec": [(converter.decoder(cls), converter.encoder(cls)) for cls in _CLASSES],
        "pydantic": [(model.model_validate, models.to_data) for model in models.MODELS],
        "explicit pairs": explicit.PAIRS,
    }
    datas = [_data(converter, event) for event in _events()]
    rows: list[Sequence[Cell]] = [[name, *_measured(scale, pairs, datas)] for name, pairs in codecs.items()]
    rows.append(_pydantic_alone(scale, datas))
    return [
        Table(
            "What a codec costs",
            f"""
            The data of three events (an order placed with two lines, confirmed, shipped), {_REPEATS * 3:,} events a
            round, {scale.rounds} rounds, in turns; microseconds per event. All are equally strict: exact types, no
            unknown and no missing fields; camelCase names, prices as nested objects.
            ours: the functions of `engine/storing/converter.py`, without the registry of events. pydantic: frozen
            models, strict.
            explicit pairs: one function per class and direction, written by hand.
            From text: `json.loads` or `orjson.loads`, then decode; to text: encode, then `json.dumps` or
            `orjson.dumps`. With Cosmos DB that step belongs to its SDK, which takes `json` and no other.
            """,
            ["", "from dict", "to dict", "from text, json", "from text, orjson", "to text, json", "to text, orjson"],
            rows,
        )
    ]


def _measured(scale: Scale, pairs: Sequence[Pair], datas: Sequence[Any]) -> Sequence[float]:
    decoders = [(decode, data) for (decode, _), data in zip(pairs, datas, strict=True)]
    parsers = [(decode, orjson.dumps(data)) for decode, data in decoders]
    encoders = [(encode, decode(data)) for (decode, encode), data in zip(pairs, datas, strict=True)]
    sides = {
        "from dict": _repeated(lambda: [decode(data) for decode, data in decoders]),
        "to dict": _repeated(lambda: [encode(event) for encode, event in encoders]),
        "from json": _repeated(lambda: [decode(json.loads(text)) for decode, text in parsers]),
        "from orjson": _repeated(lambda: [decode(orjson.loads(text)) for decode, text in parsers]),
        "to json": _repeated(lambda: [json.dumps(encode(event)) for encode, event in encoders]),
        "to orjson": _repeated(lambda: [orjson.dumps(encode(event)) for encode, event in encoders]),
    }
    timings = interleaved(sides, scale.rounds, _REPEATS * len(datas))
    return [timings.median(side) * 1e6 for side in sides]


def _pydantic_alone(scale: Scale, datas: Sequence[Any]) -> Sequence[Cell]:
    """It parses and writes JSON by itself as well."""
    parsers = [
        (model.model_validate_json, orjson.dumps(data)) for model, data in zip(models.MODELS, datas, strict=True)
    ]
    events = [validate(text) for validate, text in parsers]
    sides = {
        "from": _repeated(lambda: [validate(text) for validate, text in parsers]),
        "to": _repeated(lambda: [event.model_dump_json(by_alias=True) for event in events]),
    }
    timings = interleaved(sides, scale.rounds, _REPEATS * len(datas))
    parsed, written = timings.median("from") * 1e6, timings.median("to") * 1e6
    return ["pydantic, its own JSON", None, None, parsed, None, written, None]


def _repeated(once: Callable[[], object]) -> Callable[[], object]:
    def repeat() -> None:
        for _ in range(_REPEATS):
            once()

    return repeat


def _events() -> Sequence[object]:
    order_id = new_id()
    return (
        OrderPlaced(order_id, CUSTOMER, LINES),
        OrderConfirmed(order_id, CUSTOMER),
        OrderShipped(order_id, CUSTOMER, "DHL", "T-1"),
    )


def _data(converter: Converter, event: object) -> Any:
    """As the store would give it back: lists, not tuples."""
    return json.loads(json.dumps(converter.encode(event)))
