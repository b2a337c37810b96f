"""The table of operations: what each method on each kind of address does, and what it is called in records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from emulators.cosmos.account import Account
from emulators.cosmos.answers import Answer
from emulators.cosmos.errors import CosmosError, not_supported
from emulators.cosmos.operations import batches, feeds, items, queries, resources
from emulators.cosmos.requests import A_IM, BATCH, QUERY, QUERY_PLAN, UPSERT, Request

Handler = Callable[[Account, Request], Awaitable[Answer]]


class Operation(NamedTuple):
    kind: str
    handler: Handler


Choice = Callable[[Request], Operation]


def _always(kind: str, handler: Handler) -> Choice:
    operation = Operation(kind, handler)
    return lambda _request: operation


def _post_items(request: Request) -> Operation:
    if request.flag(QUERY_PLAN):
        return Operation("queryplan", queries.query_plan)
    if request.flag(QUERY) or request.headers.get("Content-Type") == "application/query+json":
        return Operation("query", queries.query_items)
    if request.flag(BATCH):
        return Operation("batch", batches.execute)
    if request.flag(UPSERT):
        return Operation("upsert", items.upsert)
    return Operation("create", items.create)


def _get_items(request: Request) -> Operation:
    if A_IM in request.headers:
        return Operation("feed", feeds.read_changes)
    return Operation("readfeed", queries.read_items)


def _post(kind: str, create: Handler, query: Handler) -> Choice:
    def choose(request: Request) -> Operation:
        is_query = request.flag(QUERY) or request.headers.get("Content-Type") == "application/query+json"
        return Operation("query_" + kind, query) if is_query else Operation("create_" + kind, create)

    return choose


ROUTES: Final[dict[tuple[str, str], Choice]] = {
    ("GET", ""): _always("account", resources.read_account),
    ("GET", "dbs"): _always("list_databases", resources.list_databases),
    ("POST", "dbs"): _post("database", resources.create_database, resources.query_databases),
    ("GET", "dbs/*"): _always("read_database", resources.read_database),
    ("DELETE", "dbs/*"): _always("delete_database", resources.delete_database),
    ("GET", "dbs/*/colls"): _always("list_containers", resources.list_containers),
    ("POST", "dbs/*/colls"): _post("container", resources.create_container, resources.query_containers),
    ("GET", "dbs/*/colls/*"): _always("read_container", resources.read_container),
    ("PUT", "dbs/*/colls/*"): _always("replace_container", resources.replace_container),
    ("DELETE", "dbs/*/colls/*"): _always("delete_container", resources.delete_container),
    ("GET", "dbs/*/colls/*/pkranges"): _always("pkranges", resources.read_ranges),
    ("GET", "dbs/*/colls/*/docs"): _get_items,
    ("POST", "dbs/*/colls/*/docs"): _post_items,
    ("GET", "dbs/*/colls/*/docs/*"): _always("read", items.read),
    ("PUT", "dbs/*/colls/*/docs/*"): _always("replace", items.replace),
    ("PATCH", "dbs/*/colls/*/docs/*"): _always("patch", items.patch),
    ("DELETE", "dbs/*/colls/*/docs/*"): _always("delete", items.delete),
    ("POST", "dbs/*/colls/*/operations/partitionkeydelete"): _always("delete_partition", items.delete_partition),
    ("GET", "offers"): _always("list_offers", resources.list_offers),
    ("POST", "offers"): _always("query_offers", resources.query_offers),
    ("GET", "offers/*"): _always("read_offer", resources.read_offer),
    ("PUT", "offers/*"): _always("replace_offer", resources.replace_offer),
}

# The addresses that name an item or something beside the items of a container.
INSIDE_CONTAINER: Final = frozenset({"docs", "pkranges", "operations"})
_KNOWN_ELSEWHERE: Final = frozenset(
    {
        "attachments",
        "clientencryptionkeys",
        "conflicts",
        "media",
        "permissions",
        "schemas",
        "sprocs",
        "triggers",
        "udfs",
        "users",
    }
)


def choose(request: Request) -> Operation:
    """Raises 501 for resources that the service has and devstack has not, 405 for other methods."""
    shape = _shape(request.segments)
    choice = ROUTES.get((request.method, shape))
    if choice is not None:
        return choice(request)
    for segment in request.segments[::2]:
        if segment in _KNOWN_ELSEWHERE:
            raise not_supported(f"the resource type {segment}")
    if any(known == shape for _, known in ROUTES):
        raise CosmosError(405, f"The requested verb {request.method} is not supported.")
    raise CosmosError(404, "The address is not one of a Cosmos DB resource.")


def _shape(segments: tuple[str, ...]) -> str:
    if segments[4:] == ("operations", "partitionkeydelete"):
        return "dbs/*/colls/*/operations/partitionkeydelete"
    return "/".join(segment if position % 2 == 0 else "*" for position, segment in enumerate(segments))
