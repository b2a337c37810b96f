"""The store of outcomes on Cosmos DB has one item per command in the container `commands`, until its TTL has passed.

{ "id": "<commandId>", "fingerprint": "…", "status": "pending" | "done" | "refused",
  "stream": "guest-…", "version": 3, "problem": { "status", "type", "title", "detail" } }
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, assert_never

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from engine.commands.outcomes.port import Done, Outcome, Pending, Refused, replaces
from engine.commands.refusals import Refusal
from engine.errors import Unavailable
from engine.storing.cosmos_requests import OWNER_NOT_FOUND, read_primary, translated, won_by_another

_OF: Final = "store of outcomes"
_ATTEMPTS: Final = 5


class CosmosOutcomeStore:
    """Implements `OutcomeStore`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def get(self, command_id: str) -> Outcome | None:
        async with translated(_OF):
            try:
                return _from_item(await self._container.read_item(command_id, command_id))
            except CosmosResourceNotFoundError as error:
                if error.sub_status == OWNER_NOT_FOUND:
                    raise
                # A replica that lags must not tell a client that its command was never accepted.
                item = await read_primary(self._container, command_id, command_id)
                return None if item is None else _from_item(item)

    async def begin(self, command_id: str, fingerprint: str) -> Outcome:
        pending = Pending(fingerprint)
        for _ in range(_ATTEMPTS):
            async with translated(_OF, writes=True):
                try:
                    await self._container.create_item(_to_item(command_id, pending), no_response=True)
                except CosmosResourceExistsError:
                    item = await read_primary(self._container, command_id, command_id)
                    if item is None:
                        continue
                    return _from_item(item)
                return pending
        raise Unavailable(f"the outcome of command {command_id} comes and goes")

    async def finish(self, command_id: str, outcome: Done | Refused) -> None:
        for _ in range(_ATTEMPTS):
            async with translated(_OF, writes=True):
                item = await read_primary(self._container, command_id, command_id)
                try:
                    await self._write(command_id, item, outcome)
                except CosmosHttpResponseError as error:
                    if not won_by_another(error):
                        raise
                    continue
                return
        raise Unavailable(f"others keep writing the outcome of command {command_id}")

    async def _write(self, command_id: str, there: Mapping[str, Any] | None, outcome: Done | Refused) -> None:
        item = _to_item(command_id, outcome)
        if there is None:
            await self._container.create_item(item, no_response=True)
        elif replaces(outcome, there["status"]):
            await self._container.replace_item(
                command_id,
                item,
                etag=there["_etag"],
                match_condition=MatchConditions.IfNotModified,
                no_response=True,
            )


def _to_item(command_id: str, outcome: Outcome) -> dict[str, Any]:
    item: dict[str, Any] = {"id": command_id, "fingerprint": outcome.fingerprint, "status": outcome.status}
    match outcome:
        case Pending():
            return item
        case Done():
            return {**item, "stream": outcome.stream_id, "version": outcome.version}
        case Refused():
            return {**item, "problem": asdict(outcome.refusal)}
        case _:
            assert_never(outcome)


def _from_item(item: Mapping[str, Any]) -> Outcome:
    match item["status"]:
        case "done":
            return Done(item["fingerprint"], item["stream"], item["version"])
        case "refused":
            return Refused(item["fingerprint"], Refusal(**item["problem"]))
        case _:
            return Pending(item["fingerprint"])
