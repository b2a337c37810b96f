"""Single items: create, upsert, read, replace, delete, patch."""

from __future__ import annotations

from typing import Any

from emulators.cosmos import charges
from emulators.cosmos.account import Account
from emulators.cosmos.answers import Answer
from emulators.cosmos.commits import Outcome, commit
from emulators.cosmos.conditions import patch_condition
from emulators.cosmos.documents import item_text, parse_item
from emulators.cosmos.errors import not_found
from emulators.cosmos.etags import matches
from emulators.cosmos.json_text import parse_json
from emulators.cosmos.operations.addressing import container_of, item_id_of, key_of, snapshot_of
from emulators.cosmos.requests import IF_MATCH, IF_NONE_MATCH, Request


async def create(account: Account, request: Request) -> Answer:
    key, body = key_of(request), parse_item(request.body)
    with commit(account.store, container_of(request), account.clock) as changes:
        outcome = changes.create(key, body)
    return _answer(request, outcome)


async def upsert(account: Account, request: Request) -> Answer:
    key, body = key_of(request), parse_item(request.body)
    with commit(account.store, container_of(request), account.clock) as changes:
        outcome = changes.upsert(key, body, request.header(IF_MATCH))
    return _answer(request, outcome)


async def replace(account: Account, request: Request) -> Answer:
    key, body = key_of(request), parse_item(request.body)
    with commit(account.store, container_of(request), account.clock) as changes:
        outcome = changes.replace(key, item_id_of(request), body, request.header(IF_MATCH))
    return _answer(request, outcome)


async def delete(account: Account, request: Request) -> Answer:
    key = key_of(request)
    with commit(account.store, container_of(request), account.clock) as changes:
        outcome = changes.delete(key, item_id_of(request), request.header(IF_MATCH))
    return _answer(request, outcome)


async def patch(account: Account, request: Request) -> Answer:
    key = key_of(request)
    operations, condition = patch_request(parse_json(request.body))
    container = container_of(request)
    with commit(account.store, container, account.clock) as changes:
        outcome = changes.patch(
            key,
            item_id_of(request),
            operations,
            patch_condition(container, condition),
            request.header(IF_MATCH),
        )
    return _answer(request, outcome)


async def read(account: Account, request: Request) -> Answer:
    """A point read, possibly from a lagging replica."""
    key = key_of(request)
    container = container_of(request)
    item_key = (key.epk, key.text, item_id_of(request))
    overlay = container.history.before(snapshot_of(request))
    item = overlay[item_key] if item_key in overlay else container.items.find(item_key)
    if item is None or not item.alive(account.clock.now()):
        raise not_found()
    if matches(request.header(IF_NONE_MATCH), item.etag):
        return Answer(304, headers={"etag": item.etag})
    text = item_text(container, item).encode()
    headers = {"etag": item.etag, "x-ms-item-lsn": str(item.lsn)}
    return Answer(200, text, charges.read(item.size), headers)


async def delete_partition(account: Account, request: Request) -> Answer:
    """Deletes all items of a partition key, at once where the service takes its time."""
    key = key_of(request)
    with commit(account.store, container_of(request), account.clock) as changes:
        outcome = changes.delete_partition(key)
    return Answer(outcome.status, charge=outcome.charge)


def patch_request(body: Any) -> tuple[Any, Any]:
    """Operations and condition; some SDKs send the bare list of operations."""
    if isinstance(body, dict):
        return body.get("operations"), body.get("condition")
    return body, None


def _answer(request: Request, outcome: Outcome) -> Answer:
    if outcome.item is None:
        return Answer(outcome.status, charge=outcome.charge)
    headers = {"etag": outcome.item.etag}
    if request.minimal:
        return Answer(outcome.status, b"", outcome.charge, headers)
    text = item_text(container_of(request), outcome.item).encode()
    return Answer(outcome.status, text, outcome.charge, headers)
