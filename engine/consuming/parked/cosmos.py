"""The store of parked messages on Cosmos DB uses the container `parked`, partitioned by consumer.

    index      { "id": "index", "consumer": "commands", "sessions": ["guest-7c0e"] }
    session    { "id": "guest-7c0e", "consumer", "waiting": 2, "failure": { … } }
    message    { "id": "guest-7c0e~00000000000000000017", "consumer", "message": { … } }
    alone      { "id": "~00000000000000000018-1f0c9a2b", "consumer", "message": { … }, "failure": { … } }
    failure    { "error", "trace", "attempts", "at", "newer": null }

Each change of a session is one transaction: the index changes with the session, and the number of waiting messages with
each message. So a session ends only when the primary replica knows of no message that waits in it.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError

from engine.consuming.parked.port import (
    MAX_SESSIONS,
    MOST_ALONE,
    Failure,
    ParkedAlone,
    ParkedSession,
    TooManyParked,
    number_taken,
)
from engine.errors import Unavailable
from engine.messaging.port import Received
from engine.storing.cosmos_requests import read_primary, translated
from engine.storing.events import time_at_rest, time_from_rest

_INDEX: Final = "index"
_OF: Final = "store of parked messages"
_ATTEMPTS: Final = 10
_DIGITS: Final = 20
_FROM_TO: Final = "SELECT TOP @limit * FROM c WHERE c.id >= @from AND c.id < @to ORDER BY c.id"
_COUNT_ALONE: Final = "SELECT VALUE COUNT(1) FROM c WHERE c.id >= '~'"
_KNOWN: Final = "SELECT TOP @limit VALUE c.id FROM c WHERE IS_DEFINED(c.waiting) AND c.failure.newer <= @vocabulary"

_Operations = list[tuple[Any, ...]]


class CosmosParkedStore:
    """Implements `ParkedStore`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def sessions(self, consumer: str) -> frozenset[str]:
        return frozenset((await self._index(consumer))[0])

    async def add(self, consumer: str, message: Received) -> bool:
        failed = await self._transaction(
            consumer,
            [("patch", (_session_of(message), [_waiting(+1)])), ("create", (_message_item(consumer, message),))],
        )
        match failed:
            case None:
                return True
            case 0, 404:
                return False
            case 1, 409:
                await self._check_it_is_the_same(consumer, message)
                return True
        raise Unavailable(f"Cosmos DB answered {failed[1]} to a parked message")

    async def park(self, consumer: str, message: Received, failure: Failure) -> None:
        session_id = _session_of(message)
        for _ in range(_ATTEMPTS):
            sessions, etag = await self._index(consumer)
            if session_id in sessions:
                if await self.add(consumer, message):
                    return
                continue
            if len(sessions) >= MAX_SESSIONS:
                raise TooManyParked(consumer)
            head = {"id": session_id, "consumer": consumer, "waiting": 1, "failure": _failure_item(failure)}
            failed = await self._transaction(
                consumer,
                [
                    _write_index(consumer, [*sessions, session_id], etag),
                    ("create", (head,)),
                    ("create", (_message_item(consumer, message),)),
                ],
            )
            if failed is None:
                return
        raise Unavailable(f"others keep changing what {consumer} has parked")

    async def park_alone(self, consumer: str, message: Received, failure: Failure) -> None:
        item = {**_message_item(consumer, message), "id": _alone_key(message), "failure": _failure_item(failure)}
        async with translated(_OF, writes=True):
            await self._container.upsert_item(item, no_response=True)

    async def session(self, consumer: str, session_id: str) -> ParkedSession | None:
        async with translated(_OF):
            item = await read_primary(self._container, consumer, session_id)
        # A message that is parked alone has an item as well, which counts nothing that waits.
        if item is None or "waiting" not in item:
            return None
        return ParkedSession(session_id, _failure(item["failure"]), item["waiting"])

    async def known(self, consumer: str, vocabulary: int, limit: int) -> Sequence[str]:
        # The query reads all that the consumer has parked, which no index covers: mostly nothing.
        async with translated(_OF):
            found = self._container.query_items(
                _KNOWN,
                parameters=[{"name": "@limit", "value": limit}, {"name": "@vocabulary", "value": vocabulary}],
                partition_key=consumer,
            )
            return [str(each) async for each in found]

    async def waiting(self, consumer: str, session_id: str, limit: int) -> Sequence[Received]:
        found = await self._query(consumer, f"{session_id}~", f"{session_id}~\x7f", limit)
        return [_message(item["message"]) for item in found]

    async def failed_again(self, consumer: str, session_id: str, failure: Failure) -> None:
        change = {"op": "set", "path": "/failure", "value": _failure_item(failure)}
        await self._transaction(consumer, [("patch", (session_id, [change]))])

    async def remove(self, consumer: str, message: Received) -> None:
        await self._transaction(
            consumer,
            [("delete", (_message_id(message),)), ("patch", (_session_of(message), [_waiting(-1)]))],
        )

    async def free(self, consumer: str, session_id: str) -> bool:
        for _ in range(_ATTEMPTS):
            sessions, index_etag = await self._index(consumer)
            async with translated(_OF):
                head = await read_primary(self._container, consumer, session_id)
            if head is None:
                return True
            if head["waiting"]:
                return False
            failed = await self._transaction(
                consumer,
                [
                    ("delete", (session_id,), {"if_match_etag": head["_etag"]}),
                    _write_index(consumer, [each for each in sessions if each != session_id], index_etag),
                ],
            )
            if failed is None:
                return True
        raise Unavailable(f"others keep changing what {consumer} has parked")

    async def alone(self, consumer: str, limit: int = MOST_ALONE) -> Sequence[ParkedAlone]:
        found = await self._query(consumer, "~", "~\x7f", limit)
        return [ParkedAlone(item["id"], _message(item["message"]), _failure(item["failure"])) for item in found]

    async def count_alone(self, consumer: str) -> int:
        async with translated(_OF):
            found: Any = self._container.query_items(_COUNT_ALONE, partition_key=consumer)
            return sum([count async for count in found])

    async def remove_alone(self, consumer: str, key: str) -> bool:
        return await self._transaction(consumer, [("delete", (key,))]) is None

    async def _index(self, consumer: str) -> tuple[list[str], str | None]:
        async with translated(_OF):
            item = await read_primary(self._container, consumer, _INDEX)
        return ([], None) if item is None else (item["sessions"], item["_etag"])

    async def _transaction(self, consumer: str, operations: _Operations) -> tuple[int, int] | None:
        """Runs all operations or none.

        Returns None if all ran, else the number of the operation in conflict, and its status.
        """
        async with translated(_OF, writes=True):
            try:
                await self._container.execute_item_batch(operations, consumer)
            except CosmosBatchOperationError as error:
                if error.status_code in (404, 409, 412):
                    return error.error_index, error.status_code
                raise
        return None

    async def _check_it_is_the_same(self, consumer: str, message: Received) -> None:
        async with translated(_OF):
            item = await read_primary(self._container, consumer, _message_id(message))
        if item is not None and item["message"]["messageId"] != message.message_id:
            raise number_taken(consumer, message)

    async def _query(self, consumer: str, from_: str, to: str, limit: int) -> list[Mapping[str, Any]]:
        parameters: list[dict[str, object]] = [
            {"name": "@limit", "value": limit},
            {"name": "@from", "value": from_},
            {"name": "@to", "value": to},
        ]
        async with translated(_OF) as answered:
            found = self._container.query_items(
                _FROM_TO, parameters=parameters, partition_key=consumer, response_hook=answered
            )
            return [item async for item in found]


def _waiting(change: int) -> dict[str, Any]:
    return {"op": "incr", "path": "/waiting", "value": change}


def _write_index(consumer: str, sessions: Sequence[str], etag: str | None) -> tuple[Any, ...]:
    item = {"id": _INDEX, "consumer": consumer, "sessions": sessions}
    return ("create", (item,)) if etag is None else ("replace", (_INDEX, item), {"if_match_etag": etag})


def _session_of(message: Received) -> str:
    assert message.session_id is not None, "a message without a session is parked alone"
    return message.session_id


def _message_id(message: Received) -> str:
    return f"{message.session_id}~{str(message.sequence_number).zfill(_DIGITS)}"


def _alone_key(message: Received) -> str:
    """Returns the key of a message that is parked alone; it has a digest of the message id beside the sequence number.

    Several entities feed one consumer, each with sequence numbers of its own.
    """
    digest = hashlib.sha256(message.message_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"~{str(message.sequence_number).zfill(_DIGITS)}-{digest}"


def _message_item(consumer: str, message: Received) -> dict[str, Any]:
    return {
        "id": _message_id(message),
        "consumer": consumer,
        "message": {
            "messageId": message.message_id,
            "session": message.session_id,
            "sequenceNumber": message.sequence_number,
            "body": base64.b64encode(message.body).decode(),
            "properties": dict(message.properties),
        },
    }


def _message(item: Mapping[str, Any]) -> Received:
    return Received(
        message_id=item["messageId"],
        session_id=item["session"],
        sequence_number=item["sequenceNumber"],
        body=base64.b64decode(item["body"]),
        properties=item["properties"],
    )


def _failure_item(failure: Failure) -> dict[str, Any]:
    return {
        "error": failure.error,
        "trace": failure.trace,
        "attempts": failure.attempts,
        "at": time_at_rest(failure.at),
        "newer": failure.newer,
    }


def _failure(item: Mapping[str, Any]) -> Failure:
    at: datetime = time_from_rest(item["at"])
    return Failure(item["error"], item["trace"], item["attempts"], at, item.get("newer"))
