"""Queries: pages of results, the query plan, and reading all items without a query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from emulators.cosmos import charges
from emulators.cosmos.account import Account
from emulators.cosmos.answers import Answer, feed_answer, json_answer
from emulators.cosmos.container import Container
from emulators.cosmos.continuation import Position, fingerprint, from_token, to_token
from emulators.cosmos.errors import CROSS_PARTITION_QUERY_NOT_SERVABLE, bad_request, not_supported
from emulators.cosmos.json_text import parse_json, to_text
from emulators.cosmos.operations.addressing import container_of, reach_of, snapshot_of
from emulators.cosmos.pages import Page, fill_from_all, fill_in_order_of_scan
from emulators.cosmos.requests import (
    CONTINUATION,
    CROSS_PARTITION,
    PARTITION_KEY,
    PARTITION_KEY_RANGE,
    START_EPK,
    SUPPORTED_FEATURES,
    Request,
)
from emulators.cosmos.scan import Reach, Scan, Span, spans_of
from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.errors import planner_error
from emulators.cosmos.sql.features import LEFT_TO_CLIENTS, counts_distinct, features_of
from emulators.cosmos.sql.parse import parse
from emulators.cosmos.sql.plan import EVERYTHING, ROOT, Collector, Plan, compile_query
from emulators.cosmos.undefined import UNDEFINED

_DEFAULT_PAGE: Final = 100

_NOT_SERVABLE: Final = (
    "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) "
    "exception that all newer clients will know how to handle gracefully. This exception is traced, but unless you see "
    "it bubble up as an exception (which only happens on older SDK clients), then you can safely ignore this message."
)
# The final result is computed here, so the plan asks clients to pass everything through. SDKs trust it for any query.
_PLAN: Final[dict[str, Any]] = {
    "partitionedQueryExecutionInfoVersion": 2,
    "queryInfo": {
        "distinctType": "None",
        "top": None,
        "offset": None,
        "limit": None,
        "orderBy": [],
        "orderByExpressions": [],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": "",
        "hasSelectValue": False,
        "dCountInfo": None,
        "hasNonStreamingOrderBy": False,
    },
    "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}],
}


async def query_plan(_account: Account, request: Request) -> Answer:
    query, parameters = _query(request.body)
    container = container_of(request)
    plan = compile_query(query, parameters)
    _check_order(plan, container)
    _check_features(query, plan, request)
    if request.header(PARTITION_KEY) is None:
        _refuse_compositions(plan)
        _refuse_whole_subqueries(query, plan)
    if plan.combines and len(container.ranges) > 1 and request.header(PARTITION_KEY) is None:
        # A client with a plan asks each partition for its part, and this plan does not tell it how to combine them.
        raise not_supported("query plans that combine the partitions of a split container")
    return json_answer(_PLAN)


async def query_items(account: Account, request: Request) -> Answer:
    query, parameters = _query(request.body)
    container, reach = container_of(request), reach_of(request)
    plan = compile_query(query, parameters)
    if not query.sources:
        return _without_items(plan, container)
    _check_order(plan, container)
    snapshot = snapshot_of(request)
    spans = spans_of(query, parameters, container, reach, snapshot)
    _check_cross_partition(request, query, plan, spans)
    owner = fingerprint(request.body.decode(), reach.low, reach.high)
    token = request.header(CONTINUATION)
    start = from_token(token, owner) if token else Position(0)
    page = Page(request.page_size(_DEFAULT_PAGE), start, plan.offset, plan.limit)
    descending = _order_of_scan(query, plan, reach)
    scan = Scan(container, spans, snapshot, account.clock.now(), descending=bool(descending))
    if plan.counts_items and (count := scan.count()) is not None:
        page.offer(to_text(count), Position(0))
    elif descending is None or plan.needs_all:
        await fill_from_all(page, plan, scan, start)
    else:
        await fill_in_order_of_scan(page, plan, scan, start)
    unindexed = not all(container.indexing.indexes(path) for path in query.filter_paths)
    charge = charges.query(page.matched_bytes, page.scanned if unindexed else 0)
    continuation = to_token(page.next, owner) if page.next is not None else None
    return feed_answer("Documents", container.rid, page.texts, charge=charge, continuation=continuation)


def _without_items(plan: Plan, container: Container) -> Answer:
    """Without FROM, a query is not over the items: it has one result, as in the examples of the documentation."""
    results = plan.results({})
    return feed_answer("Documents", container.rid, map(to_text, results), charge=charges.query(0, 0))


async def read_items(account: Account, request: Request) -> Answer:
    """All items, page by page: `GET` on the items without a query."""
    container, reach = container_of(request), reach_of(request)
    owner = fingerprint("read feed", reach.low, reach.high)
    token = request.header(CONTINUATION)
    start = from_token(token, owner) if token else Position(0)
    snapshot = snapshot_of(request)
    scan = Scan(container, spans_of(None, {}, container, reach, snapshot), snapshot, account.clock.now())
    page = Page(request.page_size(_DEFAULT_PAGE), start)
    await fill_in_order_of_scan(page, EVERYTHING, scan, start)
    charge = charges.query(page.matched_bytes, 0)
    continuation = to_token(page.next, owner) if page.next is not None else None
    return feed_answer("Documents", container.rid, page.texts, charge=charge, continuation=continuation)


def query_values(body: bytes, values: Iterable[dict[str, Any]]) -> list[Any]:
    """A query over resources that are not items: databases, containers, offers."""
    query, parameters = _query(body)
    plan = compile_query(query, parameters)
    collector = Collector(plan.innermost)
    for number, value in enumerate(values):
        collector.add(plan.innermost.rows({ROOT: value}), (number,))
    return plan.page_of(plan.finish(collector))


def _query(body: bytes) -> tuple[ast.Query, dict[str, Any]]:
    request = parse_json(body)
    text = request.get("query") if isinstance(request, dict) else None
    if not isinstance(text, str):
        raise bad_request("The request body has no query.")
    parameters = {}
    for parameter in request.get("parameters") or ():
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            raise bad_request("A query parameter has a name and a value.")
        parameters[parameter["name"]] = parameter.get("value", UNDEFINED)
    return parse(text), parameters


def _check_order(plan: Plan, container: Container) -> None:
    for item in plan.order:
        if not container.indexing.indexes(item.path):
            raise bad_request("The index path corresponding to the specified order-by item is excluded.")
    paths = tuple((item.path, item.descending) for item in plan.order)
    if len(paths) > 1 and not container.indexing.serves_order(paths):
        raise bad_request(
            "The order by query does not have a corresponding composite index that it can be served from."
        )


def _check_cross_partition(request: Request, query: ast.Query, plan: Plan, spans: list[Span]) -> None:
    if any(request.header(name) for name in (PARTITION_KEY, PARTITION_KEY_RANGE, START_EPK)):
        return
    if request.flag(CROSS_PARTITION):
        # Also where the filter names one key: that is how the service was seen to answer.
        _send_to_plan(query, plan)
    keys = {span.partition_key for span in spans}
    if None not in keys and len(keys) <= 1:
        return
    _refuse_compositions(plan)
    if not request.flag(CROSS_PARTITION):
        raise bad_request(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to "
            "true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )


def _send_to_plan(query: ast.Query, plan: Plan) -> None:
    """A gateway does not combine what the client can; which clients can is settled where they ask for the plan."""
    _refuse_compositions(plan)
    _refuse_whole_subqueries(query, plan)
    if LEFT_TO_CLIENTS.intersection(features_of(query, plan)):
        raise bad_request(_NOT_SERVABLE, CROSS_PARTITION_QUERY_NOT_SERVABLE)


def _check_features(query: ast.Query, plan: Plan, request: Request) -> None:
    supported = {name.strip() for name in (request.header(SUPPORTED_FEATURES) or "").split(",")}
    missing = [name for name in features_of(query, plan) if name not in supported]
    if missing:
        # "None" is the service's, and so is the space at the end.
        raise bad_request(
            "Query contains the following features, which the calling client does not support:\n"
            f"None {' '.join(missing)} "
        )


def _refuse_whole_subqueries(query: ast.Query, plan: Plan) -> None:
    if plan.source is not None and not counts_distinct(query):
        raise not_supported("a subquery in FROM with DISTINCT, GROUP BY or an aggregate, across partition keys")


def _refuse_compositions(plan: Plan) -> None:
    # Executed against the service's planner, which tells clients how to combine the parts of each partition.
    if plan.composed:
        raise planner_error("Compositions of aggregates and other expressions are not allowed.")


def _order_of_scan(query: ast.Query, plan: Plan, reach: Reach) -> bool | None:
    """Whether to scan downwards, if the order asked for is that of the scan: by id within one partition key."""
    if not plan.order:
        return False
    by_id = len(plan.order) == 1 and plan.order[0].path == ("id",) and len(query.sources) == 1
    return plan.order[0].descending if by_id and reach.key is not None else None
