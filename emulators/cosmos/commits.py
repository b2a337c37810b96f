"""One commit of a container: the changes of a request or a batch, with one LSN for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from emulators.clock import Clock
from emulators.cosmos import charges, patch
from emulators.cosmos.container import Container, checked_item_ttl
from emulators.cosmos.documents import checked_id, checked_text, user_body
from emulators.cosmos.errors import bad_request, conflict, not_found, partition_key_mismatch, unique_key_conflict
from emulators.cosmos.etags import check_match, matches, new_etag
from emulators.cosmos.history import Before
from emulators.cosmos.items import StoredItem
from emulators.cosmos.partition_keys import PartitionKey
from emulators.cosmos.store import Store

# Decides whether a patch applies to an item; see `patch_condition`.
Condition = Callable[[StoredItem], bool]
_OPERATIONS_PER_COMMIT = 128


@dataclass(frozen=True)
class Outcome:
    """What one operation did. A deletion leaves no item, a read that was not modified (304) none to send."""

    status: int
    charge: float
    item: StoredItem | None = None


@contextmanager
def commit(store: Store, container: Container, clock: Clock) -> Iterator[Commit]:
    """All changes made inside become durable together when the block ends, or none of them if it raises."""
    changes = Commit(container, container.lsn + 1, clock.seconds())
    with store.transaction() as connection:
        changes.remove_expired(clock.now())
        yield changes
        if changes.changed:
            connection.execute("UPDATE containers SET lsn = ? WHERE rid = ?", (changes.lsn, container.rid))
    if changes.changed:
        container.lsn = changes.lsn
        container.history.record(changes.lsn, changes.before)


@dataclass
class Commit:
    """Reads its own writes. Every operation raises CosmosError and then leaves nothing of its own to keep."""

    container: Container
    lsn: int
    ts: int
    before: Before = field(default_factory=dict)
    changed: bool = False
    _operations: int = 0

    def remove_expired(self, now: float) -> None:
        # Before any write, so that none of them meets an item that readers no longer see.
        if self.container.default_ttl is None:
            return
        for item in self.container.items.expired(now):
            self._remove(item)

    def read(self, key: PartitionKey, item_id: str, if_none_match: str | None = None) -> Outcome:
        item = self._existing(key, item_id)
        if matches(if_none_match, item.etag):
            return Outcome(304, charges.MINIMUM, item)
        return Outcome(200, charges.read(item.size), item)

    def create(self, key: PartitionKey, body: dict[str, Any]) -> Outcome:
        item_id = checked_id(body)
        if self._find(key, item_id) is not None:
            raise conflict()
        return self._insert(key, item_id, body)

    def upsert(self, key: PartitionKey, body: dict[str, Any], if_match: str | None = None) -> Outcome:
        item_id = checked_id(body)
        old = self._find(key, item_id)
        if old is None:
            return self._insert(key, item_id, body)
        check_match(if_match, old.etag)
        return self._overwrite(old, key, body)

    def replace(self, key: PartitionKey, item_id: str, body: dict[str, Any], if_match: str | None = None) -> Outcome:
        if checked_id(body) != item_id:
            raise bad_request("The id of the item in the body does not match the one in the address.")
        old = self._existing(key, item_id)
        check_match(if_match, old.etag)
        return self._overwrite(old, key, body)

    def delete(self, key: PartitionKey, item_id: str, if_match: str | None = None) -> Outcome:
        old = self._existing(key, item_id)
        check_match(if_match, old.etag)
        self._remove(old)
        self.changed = True
        return Outcome(204, charges.delete(old.size, old.indexed_values))

    def patch(
        self,
        key: PartitionKey,
        item_id: str,
        operations: Any,
        condition: Condition | None = None,
        if_match: str | None = None,
    ) -> Outcome:
        old = self._existing(key, item_id)
        check_match(if_match, old.etag)
        if condition is not None and not condition(old):
            check_match("", old.etag)
        return self._overwrite(old, key, patch.apply(json.loads(old.body), operations, self.container.partition_key))

    def delete_partition(self, key: PartitionKey) -> Outcome:
        doomed = self.container.items.select("epk = ? AND partition_key = ?", (key.epk, key.text), "id", -1)
        for item in doomed:
            self._remove(item)
        self.changed = bool(doomed)
        return Outcome(200, charges.MINIMUM)

    def _find(self, key: PartitionKey, item_id: str) -> StoredItem | None:
        return self.container.items.find((key.epk, key.text, item_id))

    def _existing(self, key: PartitionKey, item_id: str) -> StoredItem:
        item = self._find(key, item_id)
        if item is None:
            raise not_found()
        return item

    def _insert(self, key: PartitionKey, item_id: str, body: dict[str, Any]) -> Outcome:
        # 128 numbers per LSN: unique and rising without a counter of their own.
        number = self.lsn * _OPERATIONS_PER_COMMIT + self._operations
        item = self._version(number, key, item_id, body)
        self.container.items.insert(item)
        self._remember(item, None)
        self._claim_unique_keys(item, body)
        return Outcome(201, charges.create(item.size, item.indexed_values), item)

    def _overwrite(self, old: StoredItem, key: PartitionKey, body: dict[str, Any]) -> Outcome:
        item = self._version(old.number, key, old.id, body)
        self.container.items.update(item)
        self._remember(item, old)
        self.container.unique_keys.remove(old)
        self._claim_unique_keys(item, body)
        return Outcome(200, charges.replace(item.size, item.indexed_values, old.size, old.indexed_values), item)

    def _version(self, number: int, key: PartitionKey, item_id: str, body: dict[str, Any]) -> StoredItem:
        body = user_body(body)
        if self.container.partition_key.of_item(body).text != key.text:
            raise partition_key_mismatch()
        ttl = checked_item_ttl(body)
        text = checked_text(body)
        self._operations += 1
        return StoredItem(
            number, key.epk, key.text, item_id, self.lsn, self.ts, new_etag(self.ts), ttl, self._expiry(ttl),
            self.container.indexing.count(body), text,
        )  # fmt: skip

    def _expiry(self, ttl: int | None) -> int | None:
        default = self.container.default_ttl
        effective = default if ttl is None else ttl
        return None if default is None or effective is None or effective == -1 else self.ts + effective

    def _claim_unique_keys(self, item: StoredItem, body: dict[str, Any]) -> None:
        if not self.container.unique_keys.add(item, body):
            raise unique_key_conflict()

    def _remove(self, item: StoredItem) -> None:
        self.container.items.delete(item)
        self.container.unique_keys.remove(item)
        self.before.setdefault(item.key, item)

    def _remember(self, item: StoredItem, old: StoredItem | None) -> None:
        self.before.setdefault(item.key, old)
        self.changed = True
