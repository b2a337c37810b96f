"""The databases and containers of the account, kept in memory and in the store alike."""

from __future__ import annotations

import json
import random
from typing import Any

from emulators.clock import Clock
from emulators.cosmos.container import (
    WHOLE_RANGE,
    Container,
    Database,
    KeyRange,
    checked_definition,
    checked_name,
    unique_key_paths,
)
from emulators.cosmos.errors import CosmosError, conflict, owner_not_found, resource_not_found
from emulators.cosmos.etags import new_etag
from emulators.cosmos.history import History
from emulators.cosmos.items import ItemTable, UniqueKeys
from emulators.cosmos.offers import Offers
from emulators.cosmos.rids import new_container_rid, new_database_rid
from emulators.cosmos.store import Store


class Catalog:
    """Finds a resource by name first and by resource id then, as a name may look like a resource id."""

    def __init__(self, store: Store, clock: Clock, offers: Offers, lag: int, seed: int) -> None:
        self._store = store
        self._offers = offers
        self._clock = clock
        self._lag = lag
        self._seed = seed
        self.databases: dict[str, Database] = {}
        for rid, name, etag, ts in store.rows("SELECT rid, id, etag, ts FROM databases ORDER BY rowid"):
            self.databases[name] = Database(rid, name, etag, ts)
        owners = {database.rid: database for database in self.databases.values()}
        for rid, owner, name, number, definition, etag, ts, lsn, ranges in store.rows(
            "SELECT rid, database, id, number, definition, etag, ts, lsn, ranges FROM containers ORDER BY number"
        ):
            owners[owner].containers[name] = self._container(
                owners[owner], rid, number, json.loads(definition), etag, ts, lsn, ranges_from_json(ranges)
            )

    def database(self, name_or_rid: str) -> Database:
        """Raises 404."""
        found = self.databases.get(name_or_rid) or next(
            (database for database in self.databases.values() if database.rid == name_or_rid), None
        )
        if found is None:
            raise resource_not_found()
        return found

    def container(self, database: str, name_or_rid: str) -> Container:
        """Raises 404."""
        containers = self.database(database).containers
        found = containers.get(name_or_rid) or next(
            (container for container in containers.values() if container.rid == name_or_rid), None
        )
        if found is None:
            raise resource_not_found()
        return found

    def owner(self, database: str, name_or_rid: str) -> Container:
        """The container of an item or partition map. Raises 404/1003, upon which clients read it anew."""
        try:
            return self.container(database, name_or_rid)
        except CosmosError as error:
            raise owner_not_found() from error

    def create_database(self, body: dict[str, Any], offer: dict[str, Any] | None = None) -> Database:
        name = checked_name(body)
        if name in self.databases:
            raise conflict()
        ts = self._clock.seconds()
        database = Database(new_database_rid(), name, new_etag(ts), ts)
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO databases VALUES (?, ?, ?, ?)", (database.rid, name, database.etag, database.ts)
            )
            if offer is not None:
                self._offers.insert(connection, database.self_link, offer)
        self.databases[name] = database
        return database

    def delete_database(self, database: Database) -> None:
        with self._store.transaction() as connection:
            for container in database.containers.values():
                self._drop(container)
            connection.execute("DELETE FROM offers WHERE resource = ?", (database.self_link,))
            connection.execute("DELETE FROM databases WHERE rid = ?", (database.rid,))
        del self.databases[database.id]

    def create_container(
        self, database: Database, body: dict[str, Any], offer: dict[str, Any] | None = None
    ) -> Container:
        definition = checked_definition(body)
        if definition["id"] in database.containers:
            raise conflict()
        ts = self._clock.seconds()
        rid = new_container_rid(database.rid)
        with self._store.transaction() as connection:
            number = connection.execute(
                "UPDATE account SET next_table = next_table + 1 RETURNING next_table"
            ).fetchone()[0]
            container = self._container(database, rid, number, definition, new_etag(ts), ts, 0, [WHOLE_RANGE])
            connection.execute(
                "INSERT INTO containers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    rid,
                    database.rid,
                    container.id,
                    number,
                    json.dumps(definition),
                    container.etag,
                    ts,
                    0,
                    _ranges_to_json(container.ranges),
                ),
            )
            container.items.create()
            if container.unique_keys.keys:
                container.unique_keys.create()
            if offer is not None:
                self._offers.insert(connection, container.self_link, offer)
        database.containers[container.id] = container
        return container

    def replace_container(self, container: Container, body: dict[str, Any]) -> None:
        definition = checked_definition(body, previous=container.definition)
        ts = self._clock.seconds()
        etag = new_etag(ts)
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE containers SET definition = ?, etag = ?, ts = ? WHERE rid = ?",
                (json.dumps(definition), etag, ts, container.rid),
            )
            if definition.get("defaultTtl") != container.default_ttl:
                container.items.reschedule(definition.get("defaultTtl"))
        container.redefine(definition)
        container.etag, container.ts = etag, ts

    def delete_container(self, container: Container) -> None:
        with self._store.transaction():
            self._drop(container)
        del container.database.containers[container.id]

    def split(self, container: Container, range_id: str) -> tuple[KeyRange, KeyRange]:
        """Split a partition in the middle of its keys. Its id is gone (410/1002), its children take over."""
        parent = container.range_by_id(range_id)
        first = 1 + max(int(key_range.id) for key_range in container.ranges)
        parents = (*parent.parents, parent.id)
        middle = container.items.median_epk(parent.low, parent.high) or _middle(parent.low, parent.high)
        children = (
            KeyRange(str(first), parent.low, middle, parents),
            KeyRange(str(first + 1), middle, parent.high, parents),
        )
        position = container.ranges.index(parent)
        ranges = [*container.ranges[:position], *children, *container.ranges[position + 1 :]]
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE containers SET ranges = ? WHERE rid = ?", (_ranges_to_json(ranges), container.rid)
            )
        container.ranges = ranges
        return children

    def _container(
        self,
        database: Database,
        rid: str,
        number: int,
        definition: dict[str, Any],
        etag: str,
        ts: int,
        lsn: int,
        ranges: list[KeyRange],
    ) -> Container:
        connection = self._store.connection
        return Container(
            database, rid, number, definition, etag, ts, lsn, ranges,
            ItemTable(connection, number),
            UniqueKeys(connection, number, unique_key_paths(definition)),
            History(self._lag, random.Random(f"{self._seed}/{number}")),
        )  # fmt: skip

    def _drop(self, container: Container) -> None:
        container.items.drop()
        container.unique_keys.drop()
        self._store.connection.execute("DELETE FROM offers WHERE resource = ?", (container.self_link,))
        self._store.connection.execute("DELETE FROM containers WHERE rid = ?", (container.rid,))


def _middle(low: str, high: str) -> str:
    # The hash of an EPK has its two highest bits cleared: the used end of the whole range is "40", not "FF".
    digits = 32
    upper = int("40".ljust(digits, "0") if high == "FF" else high.ljust(digits, "0"), 16)
    return f"{(int(low.ljust(digits, '0'), 16) + upper) // 2:0{digits}X}"


def _ranges_to_json(ranges: list[KeyRange]) -> str:
    return json.dumps([[r.id, r.low, r.high, list(r.parents)] for r in ranges])


def ranges_from_json(text: str) -> list[KeyRange]:
    """The partitions of a container as the store keeps them."""
    return [KeyRange(id_, low, high, tuple(parents)) for id_, low, high, parents in json.loads(text)]
