"""What the adapters of Cosmos DB ask of it: operations with their items, queries with their parameters."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from domain.money import LARGEST_AMOUNT
from domain.order.events import OrderConfirmed
from domain.stock.aggregate import STOCK
from engine.commands.outcomes.cosmos import CosmosOutcomeStore
from engine.commands.outcomes.port import Done, Refused
from engine.commands.refusals import Refusal
from engine.consuming.parked.cosmos import CosmosParkedStore
from engine.consuming.parked.port import Failure
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.counting.port import Sums
from engine.projecting.port import ViewKey
from engine.storing.cosmos import CosmosEventStore, CosmosSnapshotStore
from engine.storing.items import to_item
from engine.storing.port import Head
from engine.storing.snapshots import to_item as to_snapshot_item
from tests.outside.at_rest import LIVES, snapshot, stored
from tests.outside.recording import asked, batch_failed, exists, not_found, read, written
from tests.outside.values import COMMAND_ID, METADATA, ORDER_ID, PLACED, SOON, TEXT, received

STREAM: Final = f"order-{ORDER_ID}"
FIRST: Final = stored(PLACED, version=1)
SECOND: Final = stored(OrderConfirmed(ORDER_ID, "c-1"), version=2)


async def event_store() -> Any:
    """An append to a new and to an old stream, and every query; a later request has the token of an earlier one."""
    start, after_first = Head(0, ""), Head(1, METADATA.event_id)
    guard = read(to_item(FIRST))

    async def read_after_write(container: Any) -> None:
        store = CosmosEventStore(container)
        await store.append(STREAM, start, [FIRST])
        await store.read(STREAM, 0)

    return {
        "append, first": await asked(lambda c: CosmosEventStore(c).append(STREAM, start, [FIRST, SECOND]), []),
        "append, later": await asked(lambda c: CosmosEventStore(c).append(STREAM, after_first, [SECOND]), guard),
        "read": await asked(lambda c: CosmosEventStore(c).read(STREAM, 1), [to_item(SECOND)]),
        "newest": await asked(lambda c: CosmosEventStore(c).newest(STREAM, 100), []),
        "look up": await asked(lambda c: CosmosEventStore(c).look_up(STREAM, 1, [COMMAND_ID]), []),
        "of commands": await asked(lambda c: CosmosEventStore(c).of_commands(STREAM, [COMMAND_ID, "k"]), []),
        "streams of": await asked(lambda c: CosmosEventStore(c).streams_of(COMMAND_ID), []),
        "items": await asked(lambda c: CosmosEventStore(c).items(STREAM, "0000000001", 100), []),
        "is head": await asked(lambda c: CosmosEventStore(c).is_head(STREAM, 1), batch_failed(404)),
        "append, then read": await asked(read_after_write, [], [to_item(FIRST)]),
    }


async def snapshot_store() -> Any:
    assert STOCK.snapshots is not None
    fold, taken = STOCK.snapshots.fold, snapshot(LIVES[STOCK.category][0][:3])
    return {
        "read": await asked(lambda c: CosmosSnapshotStore(c).read("stock-mug", fold), to_snapshot_item(taken)),
        "write": await asked(lambda c: CosmosSnapshotStore(c).write(taken), None),
    }


async def view_store() -> Any:
    key = ViewKey(f"1~{STREAM}", "c-1")
    document = {"id": key.id, "customerId": "c-1", "position": 1, "view": {"text": TEXT, "nothing": None}}
    return {
        "get": await asked(lambda c: CosmosViewStore(lambda _: c).get("v", key), {**document, "_etag": '"7"'}),
        "put, new": await asked(lambda c: CosmosViewStore(lambda _: c).put("v", key, document, None), written()),
        "put, again": await asked(lambda c: CosmosViewStore(lambda _: c).put("v", key, document, '"7"'), written()),
        "page": await asked(lambda c: CosmosViewStore(lambda _: c).page("v", "c-1", "1~", "1\x7f", 21), []),
    }


async def rollup_store() -> Any:
    """Events that are counted: at first, later, and when one of them was counted before; and sums that are read."""
    bucket = "1~2026-11-23T12~3"
    additions: Mapping[str, Sums] = {
        f"{STREAM}~1": {"05.EUR.ordersPlaced": 1},
        f"payment-{ORDER_ID}~2": {"05.EUR.revenue": LARGEST_AMOUNT},
        f"payment-{ORDER_ID}~3": {"07.EUR.revenue": -2500},
    }
    counter = {"id": bucket, "sums": {"05.EUR.revenue": 254740991}, "billions": {"05.EUR.revenue": 9007199}}
    counted = [{"id": f"{STREAM}~1"}]
    return {
        "count": await asked(lambda c: CosmosRollupStore(lambda _: c).count("r", bucket, additions), []),
        "count, the first": await asked(
            lambda c: CosmosRollupStore(lambda _: c).count("r", bucket, additions), batch_failed(404), None, []
        ),
        "count, partly counted": await asked(
            lambda c: CosmosRollupStore(lambda _: c).count("r", bucket, additions), batch_failed(409, 2), counted, []
        ),
        "sums": await asked(lambda c: CosmosRollupStore(lambda _: c).sums("r", [bucket, "1~x"]), [counter]),
    }


async def outcome_store() -> Any:
    """Outcomes of every kind, as they are begun, finished and looked for."""
    pending = {"id": COMMAND_ID, "fingerprint": METADATA.fingerprint, "status": "pending"}
    done = Done(METADATA.fingerprint, STREAM, 3)
    refused = Refused(METADATA.fingerprint, Refusal(409, "order-not-confirmed", "Order not confirmed", TEXT))
    there, away = read(pending), batch_failed(404)
    return {
        "begin": await asked(lambda c: CosmosOutcomeStore(c).begin(COMMAND_ID, METADATA.fingerprint), None),
        "begin again": await asked(
            lambda c: CosmosOutcomeStore(c).begin(COMMAND_ID, METADATA.fingerprint), exists(), there
        ),
        "done": await asked(lambda c: CosmosOutcomeStore(c).finish(COMMAND_ID, done), there, None),
        "refused": await asked(lambda c: CosmosOutcomeStore(c).finish(COMMAND_ID, refused), there, None),
        "done after a refusal": await asked(
            lambda c: CosmosOutcomeStore(c).finish(COMMAND_ID, done), read({**pending, "status": "refused"}), None
        ),
        "refused after it was done": await asked(
            lambda c: CosmosOutcomeStore(c).finish(COMMAND_ID, refused), read({**pending, "status": "done"})
        ),
        "done, never begun": await asked(lambda c: CosmosOutcomeStore(c).finish(COMMAND_ID, done), away, None),
        "get": await asked(lambda c: CosmosOutcomeStore(c).get(COMMAND_ID), pending),
        "get, not on this replica": await asked(lambda c: CosmosOutcomeStore(c).get(COMMAND_ID), not_found(), there),
    }


CONSUMER: Final = "commands"
SESSION: Final = "stock-mug"
MESSAGE: Final = received(17, SESSION)
LONE: Final = received(18, None, b"\x00\xff{}", message_id="a/ä")
FAILURE: Final = Failure(f"ValueError: {TEXT}", "Traceback …\n  a line\u2028", 5, SOON)


async def parked_store() -> Any:
    """Index, head of a session, message and lone message, from the first one parked to the last one freed."""
    index = read({"id": "index", "consumer": CONSUMER, "sessions": ["order-1"]})
    both = read({"id": "index", "consumer": CONSUMER, "sessions": ["order-1", SESSION]}, '"8"')
    head = {"id": SESSION, "consumer": CONSUMER, "waiting": 0}
    failure = {"error": "e", "trace": "t", "attempts": 5, "at": "2026-11-23T12:00:00Z"}
    again = replace(FAILURE, attempts=6)
    away = batch_failed(404)
    return {
        "sessions": await asked(lambda c: CosmosParkedStore(c).sessions(CONSUMER), away),
        "park the first session": await asked(
            lambda c: CosmosParkedStore(c).park(CONSUMER, MESSAGE, FAILURE), away, []
        ),
        "park another session": await asked(lambda c: CosmosParkedStore(c).park(CONSUMER, MESSAGE, FAILURE), index, []),
        "park a parked session": await asked(lambda c: CosmosParkedStore(c).park(CONSUMER, MESSAGE, FAILURE), both, []),
        "add": await asked(lambda c: CosmosParkedStore(c).add(CONSUMER, MESSAGE), []),
        "park alone": await asked(lambda c: CosmosParkedStore(c).park_alone(CONSUMER, LONE, FAILURE), None),
        "park alone, of a session": await asked(
            lambda c: CosmosParkedStore(c).park_alone(CONSUMER, MESSAGE, FAILURE), None
        ),
        "session": await asked(
            lambda c: CosmosParkedStore(c).session(CONSUMER, SESSION), read({**head, "failure": failure})
        ),
        "waiting": await asked(lambda c: CosmosParkedStore(c).waiting(CONSUMER, SESSION, 100), []),
        "failed again": await asked(lambda c: CosmosParkedStore(c).failed_again(CONSUMER, SESSION, again), []),
        "remove": await asked(lambda c: CosmosParkedStore(c).remove(CONSUMER, MESSAGE), []),
        "free": await asked(lambda c: CosmosParkedStore(c).free(CONSUMER, SESSION), both, read(head), []),
        "alone": await asked(lambda c: CosmosParkedStore(c).alone(CONSUMER), []),
        "remove alone": await asked(lambda c: CosmosParkedStore(c).remove_alone(CONSUMER, "~1-x"), []),
    }
