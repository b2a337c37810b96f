"""Fills the data folder of a Cosmos DB with events: `python -m emulators.bench.probes.filled_store DIR COUNT`.

The folder was provisioned before, and no server runs on it. Rows are written as the server would write them, a commit
per event, but past its HTTP: a million take seconds instead of an hour. Event n is event n // STREAMS + 1 of stream
n % STREAMS, and a second younger than the one before it.
"""

import json
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from emulators.bench.events import CONTAINER, DATABASE, item_id, stock_received, stock_stream
from emulators.clock import Clock
from emulators.cosmos.catalog import Catalog
from emulators.cosmos.container import Container
from emulators.cosmos.etags import new_etag
from emulators.cosmos.items import StoredItem
from emulators.cosmos.offers import Offers
from emulators.cosmos.store import Store

EVENTS_PER_STREAM: Final = 100
_OPERATIONS_PER_COMMIT: Final = 128


def stream_id(number: int) -> str:
    return stock_stream(f"sku-{number:06}")


def fill(folder: Path, count: int) -> None:
    store = Store(folder)
    try:
        clock = Clock()
        container = Catalog(store, clock, Offers(store, clock), lag=0, seed=0).container(DATABASE, CONTAINER)
        with store.transaction() as connection, _without_indexes(connection, f"items_{container.number}"):
            connection.executemany(
                f"INSERT INTO items_{container.number} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                _rows(container, count),
            )
            connection.executemany(
                f"INSERT INTO unique_{container.number} VALUES (?, 0, ?, ?)",  # noqa: S608
                _unique_keys(container, count),
            )
            connection.execute("UPDATE containers SET lsn = ? WHERE rid = ?", (count, container.rid))
    finally:
        store.close()


@contextmanager
def _without_indexes(connection: sqlite3.Connection, table: str) -> Iterator[None]:
    """They are made when the rows are there, which is quicker."""
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,)
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, sql in indexes:
        connection.execute(sql)


def _rows(container: Container, count: int) -> Iterator[StoredItem]:
    streams = _streams(count)
    keys = [container.partition_key.of_value(stream_id(number)) for number in range(streams)]
    # As the store would write it, with the places of what differs from event to event.
    item = stock_received("STREAM", 1) | {"commandKey": "KEY", "version": -1}
    parts = re.split(f"STREAM|KEY|(?<=:)-1(?=,)|{item_id(1)}", json.dumps(item, separators=(",", ":")))
    first, second, third, fourth, last = parts
    beginning = int(time.time()) - count
    for number in range(count):
        key, version = keys[number % streams], number // streams + 1
        id_, ts = item_id(version), beginning + number
        body = f"{first}{id_}{second}{stream_id(number % streams)}{third}{version}{fourth}{_command_key(number)}{last}"
        yield StoredItem(_number(number), key.epk, key.text, id_, number + 1, ts, new_etag(ts), None, None, 4, body)


def _unique_keys(container: Container, count: int) -> Iterator[tuple[str, str, int]]:
    streams = _streams(count)
    for stream in range(streams):
        key = container.partition_key.of_value(stream_id(stream)).text
        for number in range(stream, count, streams):
            yield key, json.dumps([_command_key(number)]), _number(number)


def _command_key(number: int) -> str:
    return f"{number:036}/0"


def _streams(count: int) -> int:
    return max(1, count // EVENTS_PER_STREAM)


def _number(number: int) -> int:
    return (number + 1) * _OPERATIONS_PER_COMMIT


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
