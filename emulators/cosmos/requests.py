"""A request as the operations see it: decoded address, headers by their protocol names, and whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from emulators.cosmos.container import Container
from emulators.cosmos.errors import bad_request
from emulators.cosmos.partition_keys import PartitionKey

A_IM: Final = "A-IM"
ACTIVITY_ID: Final = "x-ms-activity-id"
BATCH: Final = "x-ms-cosmos-is-batch-request"
BATCH_ATOMIC: Final = "x-ms-cosmos-batch-atomic"
BATCH_CONTINUE_ON_ERROR: Final = "x-ms-cosmos-batch-continue-on-error"
CONSISTENCY_LEVEL: Final = "x-ms-consistency-level"
CONTINUATION: Final = "x-ms-continuation"
CROSS_PARTITION: Final = "x-ms-documentdb-query-enablecrosspartition"
END_EPK: Final = "x-ms-end-epk"
IF_MATCH: Final = "If-Match"
IF_MODIFIED_SINCE: Final = "If-Modified-Since"
IF_NONE_MATCH: Final = "If-None-Match"
INTENDED_RID: Final = "x-ms-cosmos-intended-collection-rid"
ITEM_COUNT: Final = "x-ms-item-count"
MAX_ITEM_COUNT: Final = "x-ms-max-item-count"
OFFER_AUTOPILOT: Final = "x-ms-cosmos-offer-autopilot-settings"
OFFER_THROUGHPUT: Final = "x-ms-offer-throughput"
PARTITION_KEY: Final = "x-ms-documentdb-partitionkey"
PARTITION_KEY_RANGE: Final = "x-ms-documentdb-partitionkeyrangeid"
PREFER: Final = "Prefer"
QUERY: Final = "x-ms-documentdb-isquery"
QUERY_PLAN: Final = "x-ms-cosmos-is-query-plan-request"
SESSION_TOKEN: Final = "x-ms-session-token"  # noqa: S105
START_EPK: Final = "x-ms-start-epk"
SUPPORTED_FEATURES: Final = "x-ms-cosmos-supported-query-features"
UPSERT: Final = "x-ms-documentdb-is-upsert"

_MAX_PAGE: Final = 1_000


@dataclass(slots=True)
class Request:
    """`served_lsn` and `ranges` are filled in on the way and become the session token of the answer."""

    method: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    activity_id: str
    kind: str = "unknown"
    container: Container | None = None
    partition_key: PartitionKey | None = None
    served_lsn: int | None = None
    ranges: tuple[str, ...] = ()
    operations: tuple[str, ...] = field(default=())

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def flag(self, name: str) -> bool:
        """Header booleans come as `True` and `true`."""
        return self.headers.get(name, "").lower() == "true"

    @property
    def minimal(self) -> bool:
        return "return=minimal" in self.headers.get(PREFER, "")

    def page_size(self, default: int) -> int:
        """The page size asked for, -1 being the server's choice; .NET sends 2147483647 for it."""
        text = self.headers.get(MAX_ITEM_COUNT)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            raise bad_request(f"The header {MAX_ITEM_COUNT} is not an integer: {text!r}.") from None
        if number == 0 or number < -1:
            raise bad_request(f"The header {MAX_ITEM_COUNT} must be positive or -1.")
        return _MAX_PAGE if number == -1 else min(number, _MAX_PAGE)


def segments_of(raw_path: str) -> tuple[str, ...]:
    """The decoded segments of a path. `+` is a plus sign, and ids arrive with `=` raw or as `%3D`."""
    path = raw_path.partition("?")[0].strip("/")
    if not path:
        return ()
    segments = path.split("/")
    return tuple(map(unquote, segments)) if "%" in path else tuple(segments)
