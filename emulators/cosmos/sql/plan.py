"""Compiles a query: the rows of its FROM clause, its filter, its order, its groups and what it selects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from emulators.cosmos.errors import bad_request, not_supported
from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.aggregates import Accumulator, accumulator
from emulators.cosmos.sql.errors import compile_error, planner_error
from emulators.cosmos.sql.evaluate import AGGREGATES, Evaluator, Row, Scope, compile_expression
from emulators.cosmos.sql.values import SortKey, identity, is_number
from emulators.cosmos.undefined import UNDEFINED

# The name under which a row holds the whole item; no identifier of the grammar is like it.
ROOT: Final = "$root"
# The name under which a row holds a result of the subquery that it comes from.
_RESULT: Final = "$result"

Expand = Callable[[Row], Iterator[Row]]
# The rows that a value of a collection makes of one row.
Place = Callable[[Row, Any], Iterator[Row]]


@dataclass(frozen=True)
class Order:
    """One item of ORDER BY: its value, and its path within an item."""

    evaluate: Evaluator
    path: tuple[str, ...]
    descending: bool


@dataclass(frozen=True)
class Plan:
    """A compiled query. `top`, `offset` and `limit` are applied by whoever pages through the results.

    `source` is a subquery in FROM that has to see all items before it has results: what `expand` takes are those.
    """

    expand: Expand
    where: Evaluator | None
    groups: tuple[Evaluator, ...]
    aggregates: tuple[tuple[str, Evaluator], ...]
    order: tuple[Order, ...]
    project: Evaluator
    distinct: bool
    offset: int
    limit: int | None
    composed: bool = False  # whether an aggregate is a part of a larger expression
    counts_items: bool = False  # whether it is COUNT of a constant over all items, and needs to look at none
    source: Plan | None = None

    @property
    def combines(self) -> bool:
        """Whether results of partitions cannot simply follow each other."""
        return self.needs_all or bool(self.order or self.limit is not None or self.offset)

    @property
    def needs_all(self) -> bool:
        """Whether there is no result before the last item was seen."""
        return self.grouped or self.distinct or self.source is not None

    @property
    def innermost(self) -> Plan:
        """The plan that looks at items: this one, or that of the subquery that does."""
        return self if self.source is None else self.source.innermost

    @property
    def grouped(self) -> bool:
        return bool(self.groups or self.aggregates)

    def rows(self, outer: Row) -> Iterator[Row]:
        """The rows of one item that pass the filter."""
        if self.where is None:
            return self.expand(outer)
        where = self.where
        return (row for row in self.expand(outer) if where(row) is True)

    def results(self, row: Row) -> list[Any]:
        """Everything that the query gives for one outer row: a subquery."""
        collector = Collector(self.innermost)
        collector.add(self.innermost.rows(row))
        return self.page_of(self.finish(collector))

    def finish(self, collector: Collector) -> list[Result]:
        """All results, once a collector of the innermost plan has seen all items."""
        if self.source is None:
            return collector.finish()
        outer = Collector(self)
        for number, value in enumerate(self.source.page_of(self.source.finish(collector))):
            outer.add(self.rows({_RESULT: value}), (number,))
        return outer.finish()

    def page_of(self, results: list[Result]) -> list[Any]:
        """The values that OFFSET, LIMIT and TOP admit."""
        return [result.value for result in results][
            self.offset : None if self.limit is None else self.offset + self.limit
        ]


@dataclass(frozen=True)
class Result:
    """A selected value; `keys` are its values in ORDER BY, `position` tells equal ones apart."""

    value: Any
    keys: tuple[SortKey, ...] = ()
    position: tuple[Any, ...] = ()


Rank = tuple[tuple[SortKey, ...], tuple[Any, ...]]
"""Where a result stands in an order: its keys, and its position among those with equal keys."""


class Collector:
    """Gathers rows for what needs all of them: groups, aggregates, DISTINCT and ORDER BY.

    With `most`, for ORDER BY alone: only the first so many results that come after a place are kept.
    """

    def __init__(self, plan: Plan, most: int | None = None, after: Rank | None = None) -> None:
        self._plan = plan
        self._most = most
        self._after = after
        self._last: Rank | None = None
        self._results: list[Result] = []
        self._groups: dict[str, tuple[Row, list[Accumulator]]] = {}
        if plan.aggregates and not plan.groups:
            self._group("", {})  # aggregates over nothing have a result, too

    def add(self, rows: Iterable[Row], position: tuple[Any, ...] = ()) -> None:
        plan = self._plan
        if plan.grouped:
            for row in rows:
                _, accumulators = self._group("\n".join(identity(key(row)) for key in plan.groups), row)
                for gathered, (_, argument) in zip(accumulators, plan.aggregates, strict=True):
                    gathered.add(argument(row))
            return
        for number, row in enumerate(rows):
            keys = tuple(SortKey(item.evaluate(row)) for item in plan.order)
            place = (keys, (*position, number))
            if self._wanted(place) and (value := plan.project(row)) is not UNDEFINED:
                self._results.append(Result(value, *place))
        if self._most is not None and len(self._results) > 2 * self._most:
            self._sort()
            del self._results[self._most :]
            self._last = self._results[-1].keys, self._results[-1].position

    def finish(self) -> list[Result]:
        plan = self._plan
        if plan.grouped:
            self._results = [
                Result(value)
                for row, accumulators in self._groups.values()
                if (value := plan.project(_with_aggregates(row, accumulators))) is not UNDEFINED
            ]
        self._sort()
        if plan.distinct:
            return list({identity(result.value): result for result in reversed(self._results)}.values())[::-1]
        return self._results

    def _wanted(self, place: Rank) -> bool:
        if self._after is not None and not _follows(self._plan.order, place, self._after):
            return False
        return self._last is None or not _follows(self._plan.order, place, self._last)

    def _sort(self) -> None:
        for number in reversed(range(len(self._plan.order))):
            descending = self._plan.order[number].descending
            self._results.sort(key=lambda result: result.keys[number], reverse=descending)

    def _group(self, key: str, row: Row) -> tuple[Row, list[Accumulator]]:
        if key not in self._groups:
            self._groups[key] = (row, [accumulator(name) for name, _ in self._plan.aggregates])
        return self._groups[key]


def _follows(order: tuple[Order, ...], place: Rank, other: Rank) -> bool:
    """Whether a result comes after another one."""
    for item, key, last in zip(order, place[0], other[0], strict=True):
        if key != last:
            return key < last if item.descending else key > last
    return place[1] > other[1]


def _with_aggregates(row: Row, accumulators: list[Accumulator]) -> Row:
    return row | {f"#{number}": gathered.result() for number, gathered in enumerate(accumulators)}


# `SELECT *`
EVERYTHING: Final = Plan(
    expand=lambda row: iter((row,)),
    where=None,
    groups=(),
    aggregates=(),
    order=(),
    project=lambda row: row[ROOT],
    distinct=False,
    offset=0,
    limit=None,
)


def compile_query(query: ast.Query, parameters: Mapping[str, Any]) -> Plan:
    """Raises 400 with the service's code for a query that means nothing, 501 for what devstack has not."""
    return _compile(query, Scope(frozenset(), parameters, _subquery, container=True))


def _subquery(query: ast.Query, outer: Scope) -> Plan:
    """Subqueries have neither order nor pages (the errors are those of the service's compiler)."""
    if query.order_by:
        raise compile_error("SC2202", "'ORDER BY' is not supported in subqueries.")
    if query.top is not None:
        raise compile_error("SC2203", "'TOP' is not supported in subqueries.")
    if query.limit is not None:
        raise compile_error("SC2204", "'OFFSET LIMIT' clause is not supported in subqueries.")
    return _compile(query, outer)


def _compile(query: ast.Query, outer: Scope) -> Plan:
    names, expand, source = _sources(query.sources, outer)
    scope = Scope(outer.names | names, outer.parameters, _subquery)
    where = compile_expression(query.where, scope) if query.where is not None else None
    aggregates: list[tuple[str, Evaluator]] = []

    def register(call: ast.Call, around: Scope) -> Evaluator:
        argument = Scope(around.names, around.parameters, around.subquery, _no_aggregate)
        slot = f"#{len(aggregates)}"
        aggregates.append((call.name, compile_expression(call.arguments[0], argument)))
        return lambda row: row[slot]

    select_scope = Scope(scope.names, scope.parameters, _subquery, register)
    project = _selection(query, select_scope)
    groups = tuple(compile_expression(expression, scope) for expression in query.group_by)
    if aggregates or groups:
        _check_grouped(query)
    if query.group_by and query.order_by:
        _refuse_order_of_groups(query)
    order = tuple(_order(item, query, scope) for item in query.order_by)
    top = _count(query.top, scope, "TOP")
    limit = _count(query.limit, scope, "LIMIT")
    if top is not None and limit is not None:
        raise compile_error("SC1010", "TOP cannot be combined with OFFSET LIMIT.")
    return Plan(
        expand,
        where,
        groups,
        tuple(aggregates),
        order,
        project,
        query.distinct,
        _count(query.offset, scope, "OFFSET") or 0,
        limit if top is None else top,
        _composes(query),
        _counts_items(query),
        source,
    )


def _no_aggregate(_call: ast.Call, _scope: Scope) -> Evaluator:
    raise compile_error(
        "SC2101", "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."
    )


def _sources(sources: tuple[ast.Source, ...], outer: Scope) -> tuple[frozenset[str], Expand, Plan | None]:
    """The names of the sources, the rows that they make of a row, and the subquery whose results these rows are of."""
    if not sources:
        return frozenset(), lambda row: iter((row,)), None
    if len(sources) == 1 and (name := _whole_item(sources[0], outer)) is not None:
        return frozenset({name}), lambda row: iter(({**row, name: row[ROOT]},)), None
    names = outer.names
    stages: list[Expand] = []
    of_all: Plan | None = None
    for source in sources:
        scope = Scope(names, outer.parameters, _subquery, container=outer.container and not stages)
        plan = _plan_of(source, scope)
        if plan is not None and plan.needs_all and scope.container:
            of_all = plan
            stages.append(_results_of(source))
        else:
            stages.append(_source(source, scope, plan, first=not stages))
        if source.name is not None:
            if source.name in names - outer.names:
                raise compile_error("SC2011", f"The input alias '{source.name}' is specified more than once.")
            names |= {source.name}

    def expand(row: Row) -> Iterator[Row]:
        rows: Iterable[Row] = (row,)
        for stage in stages:
            rows = [inner for one in rows for inner in stage(one)]
        return iter(rows)

    return names - outer.names, expand, of_all


def _whole_item(source: ast.Source, outer: Scope) -> str | None:
    """The name of a source that is the item itself, as in most queries."""
    if isinstance(source, ast.PathSource) and not source.steps and source.root not in outer.names and outer.container:
        return source.name
    return None


def _plan_of(source: ast.Source, scope: Scope) -> Plan | None:
    collection = source.collection if isinstance(source, ast.IteratedSource) else source
    return _subquery(collection.query, scope) if isinstance(collection, ast.SubquerySource) else None


def _results_of(source: ast.Source) -> Expand:
    place = _place(source)
    return lambda row: place(row, row[_RESULT])


def _source(source: ast.Source, scope: Scope, plan: Plan | None, *, first: bool) -> Expand:
    collection = source.collection if isinstance(source, ast.IteratedSource) else source
    values: Callable[[Row], list[Any]]
    if isinstance(collection, ast.SubquerySource):
        assert plan is not None
        values = plan.results
    else:
        values = _path(collection, scope, first=first)
    place = _place(source)
    return lambda row: (inner for value in values(row) for inner in place(row, value))


def _place(source: ast.Source) -> Place:
    name = source.name
    if name is None:
        return lambda row, _value: iter((row,))
    if isinstance(source, ast.IteratedSource):
        return lambda row, value: ({**row, name: element} for element in (value if isinstance(value, list) else ()))
    return lambda row, value: iter(({**row, name: value},))


def _path(source: ast.PathSource, scope: Scope, *, first: bool) -> Callable[[Row], list[Any]]:
    if source.root in scope.names:
        root = source.root
    elif first and scope.container:
        root = ROOT  # the first source names the container, whatever its id is
    elif first and not scope.names:
        raise not_supported("a subquery over the container outside of FROM")
    else:
        raise compile_error("SC2001", f"Identifier '{source.root}' could not be resolved.")
    expression: ast.Expression = ast.Identifier(root)
    for step in source.steps:
        expression = ast.Index(expression, ast.Constant(step))
    evaluate = compile_expression(expression, Scope(scope.names | {ROOT}, scope.parameters, _subquery))
    return lambda row: [value] if (value := evaluate(row)) is not UNDEFINED else []


def _selection(query: ast.Query, scope: Scope) -> Evaluator:
    match query.selection:
        case ast.Star():
            if len(query.sources) != 1:
                raise compile_error("SC2042", "'SELECT *' is only valid with a single input set.")
            if query.group_by:
                raise compile_error("SC2041", "'SELECT *' is not allowed with GROUP BY.")
            name = query.sources[0].name
            if name is None:
                raise compile_error("SC2040", "'SELECT *' is only valid with an aliased input set.")
            return compile_expression(ast.Identifier(name), scope)
        case ast.Value(expression):
            return compile_expression(expression, scope)
        case ast.SelectList(items):
            return compile_expression(ast.ObjectLiteral(_named(items)), scope)


def _named(items: tuple[ast.SelectItem, ...]) -> tuple[tuple[str, ast.Expression], ...]:
    members: list[tuple[str, ast.Expression]] = []
    unnamed = 0
    for item in items:
        name = item.alias or _own_name(item.expression)
        if name is None:
            unnamed += 1
            name = f"${unnamed}"
        if any(name == known for known, _ in members):
            raise compile_error("SC2012", f"The select list has more than one property named '{name}'.")
        members.append((name, item.expression))
    return tuple(members)


def _own_name(expression: ast.Expression) -> str | None:
    match expression:
        case ast.Identifier(name) | ast.Index(_, ast.Constant(str(name))):
            return name
    return None


def _order(item: ast.OrderItem, query: ast.Query, scope: Scope) -> Order:
    path = ast.path_of(item.expression)
    first = query.sources[0] if query.sources else None
    if path is None or not isinstance(first, ast.PathSource) or path[0] != first.name:
        raise compile_error(
            "SC2206",
            "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.",
        )
    steps = tuple(step for step in first.steps if isinstance(step, str))
    return Order(compile_expression(item.expression, scope), (*steps, *path[1:]), item.descending)


def _selected(query: ast.Query) -> tuple[ast.Expression, ...]:
    match query.selection:
        case ast.Value(expression):
            return (expression,)
        case ast.SelectList(items):
            return tuple(item.expression for item in items)
        case _:
            return ()


def _composes(query: ast.Query) -> bool:
    return any(not _aggregates(expression) and _contains_aggregate(expression) for expression in _selected(query))


def _counts_items(query: ast.Query) -> bool:
    match query:
        case ast.Query(
            selection=ast.Value(ast.Call("COUNT", (ast.Constant(constant),))),
            sources=(ast.PathSource(steps=()),),
            where=None,
            group_by=(),
            order_by=(),
        ):
            return constant is not UNDEFINED
    return False


def _contains_aggregate(expression: ast.Expression) -> bool:
    return _aggregates(expression) or any(map(_contains_aggregate, ast.children(expression)))


def _aggregates(expression: ast.Expression) -> bool:
    return isinstance(expression, ast.Call) and expression.name in AGGREGATES


def _check_grouped(query: ast.Query) -> None:
    for expression in _selected(query):
        _check_aggregated(expression, query.group_by)


def _check_aggregated(expression: ast.Expression, groups: tuple[ast.Expression, ...]) -> None:
    if expression in groups or _aggregates(expression):
        return
    if isinstance(expression, ast.Identifier) or ast.path_of(expression) is not None:
        name = ".".join(ast.path_of(expression) or ())
        raise compile_error(
            "SC2102",
            f"Property reference '{name}' is invalid in the select list because it is not contained in either an "
            "aggregate function or the GROUP BY clause.",
        )
    for child in ast.children(expression):
        _check_aggregated(child, groups)


def _refuse_order_of_groups(query: ast.Query) -> Never:
    """The service does not order groups ("You currently cannot use GROUP BY with an ORDER BY clause")."""
    for item in query.order_by:
        path = ast.path_of(item.expression)
        if path is not None and item.expression not in query.group_by:
            raise compile_error(
                "SC2103",
                f"Property reference '{'.'.join(path)}' is invalid in the ORDER BY clause because it is not contained "
                "in either an aggregate function or the GROUP BY clause.",
            )
    raise planner_error("'ORDER BY' is not supported in presence of GROUP BY.")


def _count(expression: ast.Expression | None, scope: Scope, clause: str) -> int | None:
    if expression is None:
        return None
    value = compile_expression(expression, scope)({})
    if not is_number(value) or value != int(value) or value < 0:
        raise bad_request(f"The {clause} value must be a non-negative integer.")
    return int(value)
