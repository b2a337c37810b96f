"""Partition keys: from the definition of a container, the header of a request and the body of an item."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from emulators.cosmos import epk
from emulators.cosmos.errors import PARTITION_KEY_MISMATCH, CosmosError, bad_request
from emulators.cosmos.json_text import parse_json
from emulators.cosmos.undefined import UNDEFINED

MAX_VALUE_BYTES: Final = 2048
MAX_LEVELS: Final = 3
FIRST_EPK: Final = ""
END_EPK: Final = "FF"


@dataclass(frozen=True)
class PartitionKey:
    """One value of a partition key, or a prefix of a hierarchical one.

    `text` is canonical JSON: keys are equal exactly when their texts are. Numbers are doubles, so that 7
    and 7.0 are one key, as .NET writes the former as the latter.
    """

    components: tuple[epk.Component, ...]
    text: str
    epk: str


@dataclass(frozen=True)
class PartitionKeyDefinition:
    paths: tuple[tuple[str, ...], ...]
    kind: str = "Hash"
    version: int = 1

    @classmethod
    def parse(cls, definition: Any) -> PartitionKeyDefinition:
        """From the JSON of a container; an absent version means the hashing of version 1."""
        if not isinstance(definition, dict) or not definition.get("paths"):
            raise bad_request("The partition key definition of the container is missing or has no paths.")
        paths = definition["paths"]
        kind = definition.get("kind", "Hash")
        if kind not in {"Hash", "MultiHash"}:
            raise bad_request(f"The partition key kind {kind!r} is not one of Hash and MultiHash.")
        if len(paths) > (MAX_LEVELS if kind == "MultiHash" else 1):
            raise bad_request(f"Too many partition key paths were specified: {len(paths)}.")
        for path in paths:
            if not isinstance(path, str) or not path.startswith("/") or len(path) < 2 or path.endswith("/"):
                raise bad_request(f"The partition key component definition path {path!r} could not be accepted.")
        version = definition.get("version", 2 if kind == "MultiHash" else 1)
        return cls(tuple(split_path(path) for path in paths), kind, version)

    def of_header(self, header: str, *, prefix_allowed: bool = False) -> PartitionKey:
        """Read `x-ms-documentdb-partitionkey`; queries may give a prefix of a hierarchical key."""
        key = _of_header(self, header)
        missing = len(self.paths) - len(key.components)
        if missing and not (prefix_allowed and self.kind == "MultiHash" and key.components):
            raise bad_request(
                "The partition key supplied in x-ms-partitionkey header has "
                f"{'fewer' if missing > 0 else 'more'} components than defined in the the collection.",
                PARTITION_KEY_MISMATCH,
            )
        return key

    def of_item(self, body: dict[str, Any]) -> PartitionKey:
        if len(self.paths) == 1 and len(self.paths[0]) == 1:
            value = body.get(self.paths[0][0], UNDEFINED)
            return _of_text(self, _canonical((_scalar(value),)))
        return _of_text(self, _canonical(tuple(_scalar(value_at(body, path)) for path in self.paths)))

    def of_value(self, *components: epk.Component) -> PartitionKey:
        return _of_text(self, _canonical(components))


def split_path(path: str) -> tuple[str, ...]:
    """`/a/"b/c"` is the path of the names `a` and `b/c`."""
    names: list[str] = []
    rest = path
    while rest:
        rest = rest.removeprefix("/")
        if rest.startswith('"') and (end := rest.find('"', 1)) > 0:
            names.append(rest[1:end])
            rest = rest[end + 1 :]
        else:
            name, slash, rest = rest.partition("/")
            names.append(name)
            rest = slash + rest
    return tuple(names)


def value_at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(body, dict) or name not in body:
            return UNDEFINED
        body = body[name]
    return body


def _scalar(value: Any) -> epk.Component:
    if isinstance(value, (dict, list)):
        raise bad_request(
            "Partition key provided either doesn't correspond to definition in the collection "
            "or doesn't match partition key field values specified in the document.",
            PARTITION_KEY_MISMATCH,
        )
    return value  # type: ignore[no-any-return]  # JSON has no other values


def _canonical(components: tuple[epk.Component, ...]) -> str:
    if len(components) == 1 and type(components[0]) is str:
        return f"[{json.dumps(components[0])}]"
    return json.dumps([_plain(component) for component in components], separators=(",", ":"))


def _plain(component: epk.Component) -> Any:
    if component is UNDEFINED:
        return {}
    if isinstance(component, float) and component.is_integer():
        return int(component)
    return component


@lru_cache(maxsize=50_000)
def _of_header(definition: PartitionKeyDefinition, header: str) -> PartitionKey:
    try:
        values = parse_json(header.encode(errors="surrogateescape"))
    except CosmosError:
        values = None
    if not isinstance(values, list):
        raise bad_request(f"Partition key {header!a} is invalid.")
    components = tuple(UNDEFINED if value == {} and isinstance(value, dict) else _scalar(value) for value in values)
    return _of_text(definition, _canonical(components))


@lru_cache(maxsize=50_000)
def _of_text(definition: PartitionKeyDefinition, text: str) -> PartitionKey:
    components = tuple(UNDEFINED if value == {} and isinstance(value, dict) else value for value in json.loads(text))
    if any(isinstance(c, str) and len(c.encode()) > MAX_VALUE_BYTES for c in components):
        raise bad_request(f"Partition key value is longer than {MAX_VALUE_BYTES} bytes.")
    if definition.kind == "MultiHash":
        return PartitionKey(components, text, epk.hash_hierarchical(components))
    if definition.version == 2:
        return PartitionKey(components, text, epk.hash_v2(components))
    return PartitionKey(components, text, epk.hash_v1(components))
