"""Continuation tokens of queries: where the next page begins, bound to the query they belong to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from emulators.cosmos.errors import bad_request
from emulators.cosmos.sql.values import SortKey
from emulators.cosmos.undefined import UNDEFINED


@dataclass(frozen=True)
class Position:
    """After how many results of the whole query, after which item and row of it, after which values of ORDER BY."""

    taken: int
    key: tuple[str, str, str] | None = None
    row: int = 0
    order: tuple[SortKey, ...] | None = None


def fingerprint(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def to_token(position: Position, query: str) -> str:
    order = None
    if position.order is not None:
        order = [[] if key.value is UNDEFINED else [key.value] for key in position.order]
    state = [query, position.taken, position.key, position.row, order]
    return base64.urlsafe_b64encode(json.dumps(state, separators=(",", ":")).encode()).decode()


def from_token(token: str, query: str) -> Position:
    """Raises 400 for a token that is garbage or of another query."""
    try:
        owner, taken, key, row, order = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if owner != query or not isinstance(taken, int) or not isinstance(row, int):
            raise ValueError(token)
        item_key = None
        if key is not None:
            epk, partition_key, item_id = (str(part) for part in key)
            item_key = (epk, partition_key, item_id)
        values = None
        if order is not None:
            values = tuple(SortKey(value[0] if value else UNDEFINED) for value in order)
        return Position(taken, item_key, row, values)
    except (ValueError, TypeError, LookupError, RecursionError, binascii.Error):
        raise bad_request("The continuation token is invalid: it is malformed or belongs to another query.") from None
