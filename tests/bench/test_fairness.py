"""What is compared does the same: otherwise a ratio says nothing."""

import json
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from bench import codecs, explicit, folding, library, models
from bench.in_memory import TextStore
from bench.material import new_context, new_id, new_item
from domain.order.events import OrderPlaced
from domain.stock.aggregate import STOCK
from domain.stock.events import StockReceived
from domain.stock.state import StockState
from engine.storing.converter import Converter
from engine.storing.errors import WrongExpectedVersion
from engine.storing.items import from_item
from engine.storing.port import Head

CONVERTER = Converter()
EVENTS = codecs._events()
DATAS = [codecs._data(CONVERTER, event) for event in EVENTS]


def test_functions_by_hand_read_and_write_what_the_compiled_ones_do() -> None:
    for event, data, (decode, encode) in zip(EVENTS, DATAS, explicit.PAIRS, strict=True):
        assert (event, data) == (decode(data), json.loads(json.dumps(encode(event))))


def test_pydantic_reads_and_writes_what_the_compiled_functions_do() -> None:
    for data, model in zip(DATAS, models.MODELS, strict=True):
        assert data == models.to_data(model.model_validate(data))


@pytest.mark.parametrize(
    "change",
    [{"more": 1}, {"orderId": 5}, {"lines": "mug"}, {"lines": [{"sku": "mug"}]}],
    ids=["unknown field", "coercion", "no list", "missing field"],
)
def test_all_codecs_are_strict(change: dict[str, Any]) -> None:
    data = {**DATAS[0], **change}
    with pytest.raises((TypeError, KeyError)):
        explicit.placed_from(data)
    with pytest.raises(ValidationError):
        models.Placed.model_validate(data)
    with pytest.raises(msgspec.ValidationError):
        CONVERTER.decode(data, OrderPlaced)


def test_the_library_folds_the_same_stock() -> None:
    shop = library.Shop()
    ours = folding._folded(STOCK, folding._stock(orders=4)).state
    theirs = library.folded(library.dict_mapper(shop), folding._their_stock(shop, orders=4))
    assert isinstance(ours, StockState)
    assert (ours.on_hand, ours.reserved) == (theirs.on_hand, theirs.reserved)
    assert sorted(ours.reservations.values()) == sorted(theirs.reservations.values())


def test_the_library_folds_the_same_from_dicts_and_from_its_own_texts() -> None:
    shop = library.Shop()
    items = folding._their_orders(shop, orders=1)[0]
    texts = [{**item, "state": json.dumps(item["state"]).encode()} for item in items]
    from_dicts, from_texts = library.folded(library.dict_mapper(shop), items), library.folded(shop.mapper, texts)
    assert vars(from_texts) == vars(from_dicts)


async def test_the_store_of_texts_keeps_versions_and_command_keys_unique() -> None:
    store = TextStore()
    event = from_item(new_item("stock-mug", 1, StockReceived("mug", 1)))
    await store.append("stock-mug", Head(0, ""), [event])
    assert [event] == await store.read("stock-mug")
    for expected in (Head(0, ""), Head(1, event.metadata.event_id)):
        with pytest.raises(WrongExpectedVersion):
            await store.append("stock-mug", expected, [event])


def test_contexts_are_as_long_as_those_of_http() -> None:
    context = new_context()
    lengths = [len(each) for each in (context.command_id, context.fingerprint, context.origin.traceparent, new_id())]
    assert [36, 22, 55, 36] == lengths
