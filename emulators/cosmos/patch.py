"""Partial updates: the six operations on paths of an item, all or none of them.

They differ from RFC 6902 as documented under "Partial document update": `add` and `set` create or replace a
member, `set` replaces an element of an array where `add` inserts one, `incr` creates a number it does not find.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from emulators.cosmos.errors import CosmosError, bad_request
from emulators.cosmos.items import SYSTEM_PROPERTIES
from emulators.cosmos.partition_keys import PartitionKeyDefinition

MAX_OPERATIONS: Final = 10


def apply(body: dict[str, Any], operations: Any, partition_key: PartitionKeyDefinition) -> dict[str, Any]:
    """Patches an item in place and returns it. Raises 400 that names the operation at fault."""
    if not isinstance(operations, list) or not operations:
        raise bad_request("A patch request has a non-empty list of operations.")
    if len(operations) > MAX_OPERATIONS:
        raise bad_request(f"The number of patch operations can't exceed '{MAX_OPERATIONS}'.")
    for number, operation in enumerate(operations, 1):
        try:
            _apply_one(body, operation, partition_key)
        except CosmosError as error:
            raise bad_request(f"For Operation({number}): {error.message}") from None
    return body


def _apply_one(body: dict[str, Any], operation: Any, partition_key: PartitionKeyDefinition) -> None:
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or (action := _OPERATIONS.get(name.lower())) is None:
        raise bad_request(f"{name!r} is not a patch operation.")
    path = _pointer(operation.get("path"))
    _refuse_protected(path, partition_key)
    if action is not _move and action is not _remove and "value" not in operation:
        raise bad_request("The operation has no value.")
    if action is _move:
        source = _pointer(operation.get("from"))
        _refuse_protected(source, partition_key)
        if path[: len(source)] == source and len(path) > len(source):
            raise bad_request("The 'path' attribute can't be a JSON child of the 'from' JSON location.")
        _move(body, path, source)
        return
    action(body, path, operation.get("value"))


def _pointer(path: Any) -> tuple[str, ...]:
    if not isinstance(path, str) or not path.startswith("/") or path == "/":
        raise bad_request(f"The path {path!r} is not valid.")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/"))


def _refuse_protected(path: tuple[str, ...], partition_key: PartitionKeyDefinition) -> None:
    if path == ("id",) or path[0] in SYSTEM_PROPERTIES:
        raise bad_request(f"/{path[0]} can't be patched.")
    if any(path == key[: len(path)] for key in partition_key.paths):
        raise bad_request("The partition key can't be patched.")


def _parent(body: Any, path: tuple[str, ...]) -> Any:
    for name in path[:-1]:
        if isinstance(body, dict) and name in body:
            body = body[name]
        elif isinstance(body, list) and (index := _index(name)) is not None and index < len(body):
            body = body[index]
        else:
            raise bad_request("The path leads through a value that does not exist.")
    if not isinstance(body, (dict, list)):
        raise bad_request("The path leads into a value that is neither an object nor an array.")
    return body


def _index(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") else None


def _element(array: list[Any], name: str) -> int:
    index = _index(name)
    if index is None or index >= len(array):
        raise bad_request(f"The array has no element {name}.")
    return index


def _exists(parent: Any, name: str) -> bool:
    if isinstance(parent, dict):
        return name in parent
    index = _index(name)
    return index is not None and index < len(parent)


def _get(parent: Any, name: str) -> Any:
    return parent[name] if isinstance(parent, dict) else parent[_element(parent, name)]


def _add(body: Any, path: tuple[str, ...], value: Any) -> None:
    parent, name = _parent(body, path), path[-1]
    if isinstance(parent, dict):
        parent[name] = value
        return
    index = len(parent) if name == "-" else _index(name)
    if index is None or index > len(parent):
        raise bad_request("Index of array is out of bounds.")
    parent.insert(index, value)


def _set(body: Any, path: tuple[str, ...], value: Any) -> None:
    parent, name = _parent(body, path), path[-1]
    if isinstance(parent, list) and _exists(parent, name):
        parent[_element(parent, name)] = value
    else:
        _add(body, path, value)


def _replace(body: Any, path: tuple[str, ...], value: Any) -> None:
    parent, name = _parent(body, path), path[-1]
    if not _exists(parent, name):
        raise bad_request("Replace Operation only works if path exists.")
    _set(body, path, value)


def _remove(body: Any, path: tuple[str, ...], _value: Any = None) -> None:
    parent, name = _parent(body, path), path[-1]
    if not _exists(parent, name):
        raise bad_request("Remove Operation only works if path exists.")
    if isinstance(parent, dict):
        del parent[name]
    else:
        del parent[_element(parent, name)]


def _increment(body: Any, path: tuple[str, ...], value: Any) -> None:
    parent, name = _parent(body, path), path[-1]
    if not _number(value):
        raise bad_request("The value of an increment must be a number.")
    if not _exists(parent, name):
        _add(body, path, value)
        return
    current = _get(parent, name)
    if not _number(current):
        raise bad_request("Only a number can be incremented.")
    _set(body, path, current + value)


def _move(body: Any, path: tuple[str, ...], source: tuple[str, ...]) -> None:
    parent = _parent(body, source)
    if not _exists(parent, source[-1]):
        raise bad_request("Move Operation only works if the 'from' path exists.")
    value = _get(parent, source[-1])
    _remove(body, source)
    _add(body, path, value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATIONS: Final[dict[str, Callable[[Any, tuple[str, ...], Any], None]]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
    "increment": _increment,
    "move": _move,
}
