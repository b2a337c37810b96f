"""What a query asks of the client that combines the parts of its partitions, in the service's names for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.plan import Plan

# For any of them a client is sent to its query plan; what else a query needs is combined here, for every client.
LEFT_TO_CLIENTS: Final = frozenset({"GroupBy", "MultipleAggregates", "NonValueAggregate", "DCount"})


def features_of(query: ast.Query, plan: Plan) -> tuple[str, ...]:
    """The features that a query needs across partitions, in the order in which the service names them."""
    return tuple(_features(query, plan))


def counts_distinct(query: ast.Query) -> bool:
    """COUNT over DISTINCT in a subquery: the one query over such a subquery that is combined across partitions."""
    match query:
        case ast.Query(
            selection=ast.Value(ast.Call("COUNT")) | ast.SelectList((ast.SelectItem(ast.Call("COUNT")),)),
            sources=(ast.SubquerySource(ast.Query(distinct=True, group_by=(), sources=(ast.PathSource(),))),),
            where=None,
            group_by=(),
        ):
            return True
    return False


def _features(query: ast.Query, plan: Plan) -> Iterator[str]:
    aggregates = len(plan.aggregates)
    if aggregates:
        yield "Aggregate"
    if query.distinct:
        yield "Distinct"
    if query.group_by:
        yield "GroupBy"
    if aggregates > 1:
        yield "MultipleAggregates"
    if len(query.order_by) > 1:
        yield "MultipleOrderBy"
    if query.offset is not None or query.limit is not None:
        yield "OffsetAndLimit"
    if query.order_by:
        yield "OrderBy"
    if query.top is not None:
        yield "Top"
    if aggregates and not isinstance(query.selection, ast.Value):
        yield "NonValueAggregate"
    if counts_distinct(query):
        yield "DCount"
