"""The items of one container in its table, found by key, by EPK range and by LSN."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from emulators.cosmos.partition_keys import value_at
from emulators.cosmos.undefined import UNDEFINED

# Properties that the service sets; what a client sends under these names is not kept.
SYSTEM_PROPERTIES: Final = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})

ItemKey = tuple[str, str, str]  # EPK, partition key, id


class StoredItem(NamedTuple):
    """One version of an item. `number` is that of its resource id, `body` what the client wrote."""

    number: int
    epk: str
    partition_key: str
    id: str
    lsn: int
    ts: int
    etag: str
    ttl: int | None
    expires: int | None
    indexed_values: int
    body: str

    @property
    def key(self) -> ItemKey:
        return self.epk, self.partition_key, self.id

    @property
    def size(self) -> int:
        return len(self.body) if self.body.isascii() else len(self.body.encode())

    def alive(self, now: float) -> bool:
        return self.expires is None or self.expires > now


class ItemTable:
    """SQL for one container's table. Rows that have expired are the caller's to hide."""

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        self._connection = connection
        self._name = f"items_{number}"
        self._find = f"SELECT * FROM {self._name} WHERE epk = ? AND partition_key = ? AND id = ?"  # noqa: S608
        self._insert = f"INSERT INTO {self._name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        self._delete = f"DELETE FROM {self._name} WHERE number = ?"  # noqa: S608
        self._update = (
            f"UPDATE {self._name} SET lsn = ?, ts = ?, etag = ?, ttl = ?, expires = ?, "  # noqa: S608
            "indexed_values = ?, body = ? WHERE number = ?"
        )

    def create(self) -> None:
        name = self._name
        columns = (
            "number INTEGER PRIMARY KEY, epk TEXT NOT NULL, partition_key TEXT NOT NULL, id TEXT NOT NULL, "
            "lsn INTEGER NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, ttl INTEGER, expires INTEGER, "
            "indexed_values INTEGER NOT NULL, body TEXT NOT NULL"
        )
        for statement in (
            f"CREATE TABLE {name} ({columns})",
            f"CREATE UNIQUE INDEX {name}_key ON {name} (epk, partition_key, id)",
            f"CREATE INDEX {name}_lsn ON {name} (lsn, epk)",
            f"CREATE INDEX {name}_expires ON {name} (expires) WHERE expires IS NOT NULL",
        ):
            self._connection.execute(statement)

    def drop(self) -> None:
        self._connection.execute(f"DROP TABLE {self._name}")

    def put_back(self, schema: str) -> None:
        """Take the rows that the table has in another, attached database."""
        _put_back(self._connection, self._name, schema)

    def find(self, key: ItemKey) -> StoredItem | None:
        row = self._connection.execute(self._find, key).fetchone()
        return row and StoredItem(*row)

    def find_number(self, number: int) -> StoredItem | None:
        row = self._connection.execute(f"SELECT * FROM {self._name} WHERE number = ?", (number,)).fetchone()  # noqa: S608
        return row and StoredItem(*row)

    def insert(self, item: StoredItem) -> None:
        self._connection.execute(self._insert, item)

    def update(self, item: StoredItem) -> None:
        self._connection.execute(
            self._update,
            (item.lsn, item.ts, item.etag, item.ttl, item.expires, item.indexed_values, item.body, item.number),
        )

    def delete(self, item: StoredItem) -> None:
        self._connection.execute(self._delete, (item.number,))

    def select(self, where: str, arguments: Sequence[Any], order: str, limit: int) -> list[StoredItem]:
        rows = self._connection.execute(
            f"SELECT * FROM {self._name} WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608
            (*arguments, limit),
        ).fetchall()
        return [StoredItem(*row) for row in rows]

    def count(self, where: str = "true", arguments: Sequence[Any] = ()) -> int:
        sql = f"SELECT count(*) FROM {self._name} WHERE {where}"  # noqa: S608
        return int(self._connection.execute(sql, arguments).fetchone()[0])

    def median_epk(self, low: str, high: str) -> str | None:
        """The middle one of the logical partitions in a range, if there are several."""
        rows = self._connection.execute(
            f"SELECT DISTINCT epk FROM {self._name} WHERE epk >= ? AND epk < ? ORDER BY epk",  # noqa: S608
            (low, high),
        ).fetchall()
        return str(rows[len(rows) // 2][0]) if len(rows) > 1 else None

    def expired(self, now: float) -> list[StoredItem]:
        return self.select("expires IS NOT NULL AND expires <= ?", (now,), "expires", -1)

    def reschedule(self, default_ttl: int | None) -> None:
        """Apply a new default time to live: none switches expiry off, -1 leaves items without one for ever."""
        default = f"ts + {int(default_ttl)}" if default_ttl is not None and default_ttl > 0 else "NULL"
        expiry = "NULL"
        if default_ttl is not None:
            expiry = f"CASE WHEN ttl = -1 THEN NULL WHEN ttl IS NOT NULL THEN ts + ttl ELSE {default} END"
        self._connection.execute(f"UPDATE {self._name} SET expires = {expiry}")  # noqa: S608


class UniqueKeys:
    """The unique key policy of a container: within a partition key, no two items with the same values."""

    def __init__(
        self, connection: sqlite3.Connection, number: int, keys: tuple[tuple[tuple[str, ...], ...], ...]
    ) -> None:
        self._connection = connection
        self._name = f"unique_{number}"
        self.keys = keys

    def create(self) -> None:
        self._connection.execute(
            f"CREATE TABLE {self._name} (partition_key TEXT NOT NULL, slot INTEGER NOT NULL, value TEXT NOT NULL, "
            "number INTEGER NOT NULL, PRIMARY KEY (partition_key, slot, value)) WITHOUT ROWID"
        )
        self._connection.execute(f"CREATE INDEX {self._name}_number ON {self._name} (number)")

    def drop(self) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {self._name}")

    def put_back(self, schema: str) -> None:
        """Take the rows that the table has in another, attached database."""
        if self.keys:
            _put_back(self._connection, self._name, schema)

    def remove(self, item: StoredItem) -> None:
        if self.keys:
            self._connection.execute(f"DELETE FROM {self._name} WHERE number = ?", (item.number,))  # noqa: S608

    def add(self, item: StoredItem, body: dict[str, Any]) -> bool:
        """False when another item of the partition already has one of the keys' values."""
        try:
            for slot, paths in enumerate(self.keys):
                self._connection.execute(
                    f"INSERT INTO {self._name} VALUES (?, ?, ?, ?)",  # noqa: S608
                    (item.partition_key, slot, _unique_value(body, paths), item.number),
                )
        except sqlite3.IntegrityError:
            return False
        return True

    def ids_of_prefix(
        self, partition_key: str, path: tuple[str, ...], prefix: str, items: ItemTable
    ) -> set[str] | None:
        """The ids of the items of a partition whose text at `path` starts so; None if no key is of this path alone."""
        if (path,) not in self.keys:
            return None
        first = json.dumps([prefix])[:-2]
        rows = self._connection.execute(
            f"SELECT number FROM {self._name} WHERE partition_key = ? AND slot = ? AND value >= ? AND value < ?",  # noqa: S608
            # What JSON escapes into ASCII holds no DEL.
            (partition_key, self.keys.index((path,)), first, first + "\x7f"),
        )
        found = [items.find_number(number) for (number,) in rows.fetchall()]
        return {item.id for item in found if item is not None}


def _put_back(connection: sqlite3.Connection, table: str, schema: str) -> None:
    connection.execute(f"DELETE FROM main.{table}")  # noqa: S608
    connection.execute(f"INSERT INTO main.{table} SELECT * FROM {schema}.{table}")  # noqa: S608


def _unique_value(body: dict[str, Any], paths: tuple[tuple[str, ...], ...]) -> str:
    # "If some unique path values are missing, they're treated as null values, which take part in the uniqueness
    # constraint" (documentation of unique keys).
    values = [value_at(body, path) for path in paths]
    return json.dumps([None if value is UNDEFINED else value for value in values], sort_keys=True)
