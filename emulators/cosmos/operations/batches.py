"""Batches of operations: transactional on one partition key, or in bulk, each operation on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emulators.cosmos import hybridrow
from emulators.cosmos.account import Account
from emulators.cosmos.answers import Answer
from emulators.cosmos.commits import Commit, Outcome, commit
from emulators.cosmos.conditions import patch_condition
from emulators.cosmos.container import Container
from emulators.cosmos.documents import MAX_ITEM_BYTES, item_text
from emulators.cosmos.errors import CosmosError, bad_request, too_large
from emulators.cosmos.json_text import parse_json, to_text
from emulators.cosmos.operations.addressing import container_of, key_of, reach_of
from emulators.cosmos.operations.items import patch_request
from emulators.cosmos.partition_keys import PartitionKey
from emulators.cosmos.requests import BATCH_ATOMIC, BATCH_CONTINUE_ON_ERROR, Request

MAX_OPERATIONS: Final = 100


@dataclass(frozen=True)
class Operation:
    """One operation of a batch, whichever format it came in; only those in bulk have a partition key of their own."""

    kind: str
    item_id: str
    body: Any
    if_match: str | None
    if_none_match: str | None
    minimal: bool
    partition_key: str | None


@dataclass(frozen=True)
class Result:
    status: int
    charge: float = 0.0
    substatus: int = 0
    etag: str | None = None
    body: str | None = None


_SKIPPED: Final = Result(424)


class _Failed(Exception):
    def __init__(self, position: int, error: CosmosError) -> None:
        super().__init__(position)
        self.position = position
        self.error = error


async def execute(account: Account, request: Request) -> Answer:
    """200 when every operation took effect, else 207 with a status for each."""
    if len(request.body) > MAX_ITEM_BYTES:
        raise too_large()
    binary = hybridrow.is_hybrid_row(request.body)
    operations = _parse(hybridrow.decode_operations(request.body) if binary else parse_json(request.body))
    request.operations = tuple(operation.kind for operation in operations)
    if request.flag(BATCH_ATOMIC):
        results = _in_one_transaction(account, container_of(request), key_of(request), operations)
    else:
        reach_of(request)
        results = _one_by_one(account, request, operations)
    status = 200 if all(result.status < 400 for result in results) else 207
    charge = round(sum(result.charge for result in results), 2)
    return Answer(status, _to_hybrid_row(results) if binary else _to_json(results), charge)


def _in_one_transaction(
    account: Account, container: Container, key: PartitionKey, operations: list[Operation]
) -> list[Result]:
    """After a failure nothing is stored, and 424 stands for every operation but the one that failed."""
    try:
        with commit(account.store, container, account.clock) as changes:
            return [_tried(changes, key, operation, position) for position, operation in enumerate(operations)]
    except _Failed as failed:
        results = [_SKIPPED] * len(operations)
        results[failed.position] = Result(failed.error.status, 0.0, failed.error.substatus)
        return results


def _one_by_one(account: Account, request: Request, operations: list[Operation]) -> list[Result]:
    container = container_of(request)
    results: list[Result] = []
    for position, operation in enumerate(operations):
        try:
            key = key_of(request) if operation.partition_key is None else _own_key(container, operation.partition_key)
            with commit(account.store, container, account.clock) as changes:
                results.append(_tried(changes, key, operation, position))
        except _Failed as failed:
            results.append(Result(failed.error.status, 0.0, failed.error.substatus))
            if not request.flag(BATCH_CONTINUE_ON_ERROR):
                return results + [_SKIPPED] * (len(operations) - len(results))
    return results


def _own_key(container: Container, header: str) -> PartitionKey:
    return container.partition_key.of_header(header)


def _tried(changes: Commit, key: PartitionKey, operation: Operation, position: int) -> Result:
    try:
        outcome = _apply(changes, key, operation)
    except CosmosError as error:
        raise _Failed(position, error) from None
    if outcome.item is None:
        return Result(outcome.status, outcome.charge)
    hidden = operation.minimal or outcome.status == 304
    text = None if hidden else item_text(changes.container, outcome.item)
    return Result(outcome.status, outcome.charge, 0, outcome.item.etag, text)


_APPLY: Final[dict[str, Callable[[Commit, PartitionKey, Operation], Outcome]]] = {
    "Create": lambda changes, key, o: changes.create(key, _object(o.body)),
    "Upsert": lambda changes, key, o: changes.upsert(key, _object(o.body), o.if_match),
    "Read": lambda changes, key, o: changes.read(key, o.item_id, o.if_none_match),
    "Replace": lambda changes, key, o: changes.replace(key, o.item_id, _object(o.body), o.if_match),
    "Delete": lambda changes, key, o: changes.delete(key, o.item_id, o.if_match),
}


def _apply(changes: Commit, key: PartitionKey, operation: Operation) -> Outcome:
    if operation.kind == "Patch":
        operations, condition = patch_request(operation.body)
        condition = patch_condition(changes.container, condition)
        return changes.patch(key, operation.item_id, operations, condition, operation.if_match)
    action = _APPLY.get(operation.kind)
    if action is None:
        raise bad_request(f"{operation.kind!r} is not an operation of a batch.")
    return action(changes, key, operation)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("The input content is invalid: an item is a JSON object.")
    return body


def _parse(operations: Any) -> list[Operation]:
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise bad_request("A batch is an array of operations.")
    if not operations:
        raise bad_request("Batch request has no operations.")
    if len(operations) > MAX_OPERATIONS:
        raise bad_request("Batch request has more operations than what is supported.")
    return [
        Operation(
            str(operation.get("operationType")),
            str(operation.get("id", "")),
            _body(operation.get("resourceBody")),
            _text(operation.get("ifMatch")),
            _text(operation.get("ifNoneMatch")),
            bool(operation.get("minimalReturnPreference", False)),
            _text(operation.get("partitionKey")),
        )
        for operation in operations
    ]


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise bad_request("Etags and partition keys of a batch are strings.")
    return value


def _body(body: Any) -> Any:
    """HybridRow carries the JSON of an item as bytes."""
    return parse_json(body) if isinstance(body, bytes) else body


def _to_json(results: list[Result]) -> bytes:
    parts = []
    for result in results:
        part = f'{{"statusCode":{result.status},"requestCharge":{result.charge}'
        if result.substatus:
            part += f',"subStatusCode":{result.substatus}'
        if result.etag is not None:
            part += f',"eTag":{to_text(result.etag)}'
        if result.body is not None:
            part += f',"resourceBody":{result.body}'
        parts.append(part + "}")
    return f"[{','.join(parts)}]".encode()


def _to_hybrid_row(results: list[Result]) -> bytes:
    return hybridrow.encode_results(
        hybridrow.encode_result(result.status, result.substatus, result.etag, result.body, result.charge)
        for result in results
    )
