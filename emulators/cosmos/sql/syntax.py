"""The syntax tree of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Constant:
    value: Any


@dataclass(frozen=True)
class Parameter:
    name: str


@dataclass(frozen=True)
class Identifier:
    name: str


@dataclass(frozen=True)
class Index:
    """`base["name"]`, `base[0]` and `base.name` alike."""

    base: Expression
    index: Expression


@dataclass(frozen=True)
class ArrayLiteral:
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class ObjectLiteral:
    members: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Unary:
    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logical:
    """AND or OR of two operands or more."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Conditional:
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class Between:
    value: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True)
class In:
    value: Expression
    items: tuple[Expression, ...]
    negated: bool


@dataclass(frozen=True)
class Like:
    value: Expression
    pattern: Expression
    escape: str | None
    negated: bool


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Exists:
    query: Query


@dataclass(frozen=True)
class ArrayOf:
    query: Query


@dataclass(frozen=True)
class ScalarQuery:
    query: Query


Expression = (
    Constant
    | Parameter
    | Identifier
    | Index
    | ArrayLiteral
    | ObjectLiteral
    | Unary
    | Binary
    | Logical
    | Conditional
    | Between
    | In
    | Like
    | Call
    | Exists
    | ArrayOf
    | ScalarQuery
)


@dataclass(frozen=True)
class PathSource:
    """`FROM c.children AS x`: one row per item, the value at the path."""

    root: str
    steps: tuple[str | int, ...]
    alias: str | None = None

    @property
    def name(self) -> str | None:
        if self.alias is not None:
            return self.alias
        return next((step for step in reversed(self.steps) if isinstance(step, str)), self.root)


@dataclass(frozen=True)
class SubquerySource:
    query: Query
    alias: str | None = None

    @property
    def name(self) -> str | None:
        return self.alias


@dataclass(frozen=True)
class IteratedSource:
    """`x IN c.children`: one row per element."""

    name: str
    collection: PathSource | SubquerySource


Source = PathSource | SubquerySource | IteratedSource


@dataclass(frozen=True)
class Star:
    pass


@dataclass(frozen=True)
class Value:
    expression: Expression


@dataclass(frozen=True)
class SelectItem:
    expression: Expression
    alias: str | None


@dataclass(frozen=True)
class SelectList:
    items: tuple[SelectItem, ...]


@dataclass(frozen=True)
class OrderItem:
    expression: Expression
    descending: bool


@dataclass(frozen=True)
class Query:
    distinct: bool
    top: Expression | None
    selection: Star | Value | SelectList
    sources: tuple[Source, ...]
    where: Expression | None
    group_by: tuple[Expression, ...]
    order_by: tuple[OrderItem, ...]
    offset: Expression | None
    limit: Expression | None

    @cached_property
    def filter_paths(self) -> tuple[tuple[str, ...], ...]:
        """The paths of items that the filter looks at."""
        return tuple(_paths(self.where)) if self.where is not None else ()


def path_of(expression: Expression) -> tuple[str, ...] | None:
    """`c.a["b"]` is the path `("c", "a", "b")`; None for what is not a path of names."""
    names: list[str] = []
    while isinstance(expression, Index):
        if not (isinstance(expression.index, Constant) and isinstance(expression.index.value, str)):
            return None
        names.append(expression.index.value)
        expression = expression.base
    if not isinstance(expression, Identifier):
        return None
    return (expression.name, *reversed(names))


def children(node: Any) -> Iterator[Any]:
    """The expressions directly below one; subqueries are not entered."""
    for member in fields(node):
        value = getattr(node, member.name)
        for part in value if isinstance(value, tuple) else (value,):
            expression = part[1] if isinstance(part, tuple) else part
            if is_dataclass(expression) and not isinstance(expression, Query):
                yield expression


def _paths(expression: Expression) -> Iterator[tuple[str, ...]]:
    path = path_of(expression)
    if path is not None:
        yield path[1:]
    else:
        for child in children(expression):
            yield from _paths(child)
