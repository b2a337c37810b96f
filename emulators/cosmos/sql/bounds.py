"""What the filter of a query says about keys and ids, so that indexes find the candidates.

Bounds only narrow the search: every candidate still passes the whole filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.undefined import UNDEFINED

_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ID: Final = ("id",)


@dataclass(frozen=True)
class Bounds:
    """An interval of ids (`low` and `high` with whether they belong to it) or a set, parts of a key, and prefixes."""

    low: tuple[str, bool] | None = None
    high: tuple[str, bool] | None = None
    ids: frozenset[str] | None = None
    keys: tuple[tuple[tuple[str, ...], Any], ...] = ()
    prefixes: tuple[tuple[tuple[str, ...], str], ...] = ()

    def key(self, paths: tuple[tuple[str, ...], ...]) -> tuple[Any, ...] | None:
        """The partition key, if the filter fixes all of its components."""
        known = dict(self.keys)
        return tuple(known[path] for path in paths) if all(path in known for path in paths) else None


def alternatives(query: ast.Query, parameters: Mapping[str, Any]) -> list[Bounds]:
    """The bounds of each alternative of the filter: the union of what they admit holds every match."""
    source = query.sources[0] if query.sources else None
    if query.where is None or not isinstance(source, ast.PathSource) or source.steps or source.name is None:
        return [Bounds()]
    reader = _Reader(source.name, parameters)
    return [reader.bounds(alternative) for alternative in _flatten(query.where, "OR")]


def _flatten(expression: ast.Expression, operator: str) -> list[ast.Expression]:
    if isinstance(expression, ast.Logical) and expression.operator == operator:
        return [part for operand in expression.operands for part in _flatten(operand, operator)]
    return [expression]


@dataclass(frozen=True)
class _Reader:
    root: str
    parameters: Mapping[str, Any]

    def bounds(self, expression: ast.Expression) -> Bounds:
        bounds = Bounds()
        for condition in _flatten(expression, "AND"):
            bounds = self._narrow(bounds, condition)
        return bounds

    def _narrow(self, bounds: Bounds, condition: ast.Expression) -> Bounds:
        match condition:
            case ast.Binary(operator, left, right) if operator in _MIRRORED:
                path, value = self._path(left), self._value(right)
                if path is None:
                    path, value, operator = self._path(right), self._value(left), _MIRRORED[operator]
                return self._compared(bounds, path, operator, value)
            case ast.Between(value, low, high, False) if self._path(value) == _ID:
                first, last = self._value(low), self._value(high)
                if isinstance(first, str) and isinstance(last, str):
                    return _raised(_lowered(bounds, last, True), first, True)
            case ast.In(value, items, False) if self._path(value) == _ID:
                ids = [self._value(item) for item in items]
                if all(isinstance(item, str) for item in ids):
                    return replace(
                        bounds, ids=frozenset(ids) & bounds.ids if bounds.ids is not None else frozenset(ids)
                    )
            case ast.Call("STARTSWITH", (text, prefix)) if path := self._path(text):
                start = self._value(prefix)
                if not isinstance(start, str) or not start:
                    return bounds
                bounds = replace(bounds, prefixes=(*bounds.prefixes, (path, start)))
                if path == _ID:
                    bounds = _raised(bounds, start, True)
                    return _lowered(bounds, end, False) if (end := _after_prefix(start)) else bounds
        return bounds

    def _compared(self, bounds: Bounds, path: tuple[str, ...] | None, operator: str, value: Any) -> Bounds:
        if path is None or value is UNDEFINED or isinstance(value, (list, dict)):
            return bounds
        if path == _ID and isinstance(value, str):
            if operator in {"=", ">", ">="}:
                bounds = _raised(bounds, value, operator != ">")
            if operator in {"=", "<", "<="}:
                bounds = _lowered(bounds, value, operator != "<")
        if operator == "=":
            bounds = replace(bounds, keys=(*bounds.keys, (path, value)))
        return bounds

    def _path(self, expression: ast.Expression) -> tuple[str, ...] | None:
        path = ast.path_of(expression)
        return path[1:] if path is not None and path[0] == self.root and len(path) > 1 else None

    def _value(self, expression: ast.Expression) -> Any:
        match expression:
            case ast.Constant(value):
                return value
            case ast.Parameter(name):
                return self.parameters.get(name, UNDEFINED)
        return UNDEFINED


def _raised(bounds: Bounds, low: str, inclusive: bool) -> Bounds:
    if bounds.low is None or (low, not inclusive) > (bounds.low[0], not bounds.low[1]):
        return replace(bounds, low=(low, inclusive))
    return bounds


def _lowered(bounds: Bounds, high: str, inclusive: bool) -> Bounds:
    if bounds.high is None or (high, inclusive) < bounds.high:
        return replace(bounds, high=(high, inclusive))
    return bounds


def _after_prefix(prefix: str) -> str | None:
    """The least string above all that start with the prefix."""
    while prefix and prefix[-1] == "\U0010ffff":
        prefix = prefix[:-1]
    if not prefix:
        return None
    following = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
