"""A container: its definition as the client wrote it, and what the server derives from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from emulators.cosmos.errors import bad_request, not_supported, partition_key_range_gone
from emulators.cosmos.history import History
from emulators.cosmos.indexing import DEFAULT_POLICY, IndexingPolicy
from emulators.cosmos.items import SYSTEM_PROPERTIES, ItemTable, UniqueKeys
from emulators.cosmos.partition_keys import END_EPK, FIRST_EPK, PartitionKeyDefinition, split_path
from emulators.cosmos.rids import range_rid

MAX_NAME_LENGTH: Final = 255
MAX_TTL: Final = 2**31 - 1
MAX_UNIQUE_KEYS: Final = 10
MAX_UNIQUE_PATHS: Final = 16
_LINKS: Final = {"_docs", "_sprocs", "_triggers", "_udfs", "_conflicts"}


@dataclass(frozen=True)
class KeyRange:
    """A physical partition: the EPKs from `low` up to `high`, which it does not contain."""

    id: str
    low: str
    high: str
    parents: tuple[str, ...] = ()

    def contains(self, epk: str) -> bool:
        return self.low <= epk < self.high


WHOLE_RANGE: Final = KeyRange("0", FIRST_EPK, END_EPK)


@dataclass
class Database:
    rid: str
    id: str
    etag: str
    ts: int
    containers: dict[str, Container] = field(default_factory=dict)

    @property
    def self_link(self) -> str:
        return f"dbs/{self.rid}/"

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "_rid": self.rid,
            "_self": self.self_link,
            "_etag": self.etag,
            "_colls": "colls/",
            "_users": "users/",
            "_ts": self.ts,
        }


@dataclass
class Container:
    """`lsn` counts the commits of the container; `ranges` are its partitions in the order of their EPKs."""

    database: Database
    rid: str
    number: int
    definition: dict[str, Any]
    etag: str
    ts: int
    lsn: int
    ranges: list[KeyRange]
    items: ItemTable
    unique_keys: UniqueKeys
    history: History
    partition_key: PartitionKeyDefinition = field(init=False)
    indexing: IndexingPolicy = field(init=False)

    def __post_init__(self) -> None:
        self.partition_key = PartitionKeyDefinition.parse(self.definition["partitionKey"])
        self.indexing = IndexingPolicy.parse(self.definition["indexingPolicy"])

    @property
    def id(self) -> str:
        return str(self.definition["id"])

    @property
    def default_ttl(self) -> int | None:
        return self.definition.get("defaultTtl")

    @property
    def self_link(self) -> str:
        return f"dbs/{self.database.rid}/colls/{self.rid}/"

    @property
    def alt_link(self) -> str:
        return f"dbs/{self.database.id}/colls/{self.id}"

    def redefine(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self.indexing = IndexingPolicy.parse(definition["indexingPolicy"])

    def range_of(self, epk: str) -> KeyRange:
        return next(key_range for key_range in self.ranges if key_range.contains(epk))

    def range_by_id(self, range_id: str) -> KeyRange:
        """Raises 410/1002 for a range that was split or never was: clients refresh their map then."""
        for key_range in self.ranges:
            if key_range.id == range_id:
                return key_range
        raise partition_key_range_gone()

    def to_json(self) -> dict[str, Any]:
        return self.definition | {
            "_rid": self.rid,
            "_ts": self.ts,
            "_self": self.self_link,
            "_etag": self.etag,
            "_docs": "docs/",
            "_sprocs": "sprocs/",
            "_triggers": "triggers/",
            "_udfs": "udfs/",
            "_conflicts": "conflicts/",
        }

    def ranges_to_json(self) -> list[dict[str, Any]]:
        share = 1 / len(self.ranges)
        result = []
        for key_range in self.ranges:
            rid = range_rid(self.rid, int(key_range.id))
            result.append(
                {
                    "_rid": rid,
                    "id": key_range.id,
                    "_etag": self.etag,
                    "minInclusive": key_range.low,
                    "maxExclusive": key_range.high,
                    "ridPrefix": int(key_range.id),
                    "_self": f"{self.self_link}pkranges/{rid}/",
                    "throughputFraction": share,
                    "status": "online",
                    "parents": list(key_range.parents),
                    "_ts": self.ts,
                    "lsn": self.lsn,
                }
            )
        return result


def checked_name(body: dict[str, Any]) -> str:
    """The id of a database or container. Raises 400 for one that the service refuses."""
    name = body.get("id")
    if not isinstance(name, str) or not name:
        raise bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if len(name) > MAX_NAME_LENGTH or any(c in "/\\#?" for c in name) or name.endswith(" "):
        raise bad_request(f"The resource name {name!r} is too long or contains invalid characters.")
    return name


def checked_definition(body: dict[str, Any], previous: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is stored of a container's body: defaults filled in, the service's own properties left out.

    Raises 400 for what the service refuses, such as a change of the partition key of an existing container, and 501
    for what would change the answers of queries.
    """
    definition = {k: v for k, v in body.items() if k not in SYSTEM_PROPERTIES and k not in _LINKS}
    checked_name(definition)
    PartitionKeyDefinition.parse(definition.get("partitionKey"))
    ttl = definition.get("defaultTtl")
    if ttl is None:
        definition.pop("defaultTtl", None)
    elif not _valid_ttl(ttl):
        raise bad_request("The value of defaultTtl must be -1 or an integer from 1 to 2147483647.")
    if definition.get("computedProperties"):
        raise not_supported("computed properties")
    definition.setdefault("indexingPolicy", DEFAULT_POLICY)
    definition.setdefault("uniqueKeyPolicy", {"uniqueKeys": []})
    definition.setdefault(
        "conflictResolutionPolicy",
        {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts", "conflictResolutionProcedure": ""},
    )
    definition.setdefault("geospatialConfig", {"type": "Geography"})
    try:
        IndexingPolicy.parse(definition["indexingPolicy"])
        unique_key_paths(definition)
    except (AttributeError, KeyError, TypeError):
        raise bad_request("The policies of the container are not valid.") from None
    if previous is not None:
        for name in ("id", "partitionKey", "uniqueKeyPolicy"):
            if definition[name] != previous[name]:
                raise bad_request(f"{name} of a container cannot be changed.")
    return definition


def unique_key_paths(definition: dict[str, Any]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    keys = (definition["uniqueKeyPolicy"] or {}).get("uniqueKeys") or []
    if len(keys) > MAX_UNIQUE_KEYS:
        raise bad_request(f"A container has at most {MAX_UNIQUE_KEYS} unique keys.")
    for key in keys:
        if not key.get("paths") or len(key["paths"]) > MAX_UNIQUE_PATHS:
            raise bad_request(f"A unique key has 1 to {MAX_UNIQUE_PATHS} paths.")
    return tuple(tuple(split_path(path) for path in key["paths"]) for key in keys)


def _valid_ttl(ttl: Any) -> bool:
    return type(ttl) is int and (ttl == -1 or 1 <= ttl <= MAX_TTL)


def checked_item_ttl(body: dict[str, Any]) -> int | None:
    ttl = body.get("ttl")
    if ttl is None:
        return None
    if not _valid_ttl(ttl):
        raise bad_request("The input ttl is invalid. Ensure to provide a nonzero positive integer or -1.")
    return int(ttl)
