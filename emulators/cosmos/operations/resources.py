"""The account, its databases and containers, their partition key ranges and offers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from emulators.cosmos.account import Account, account_json
from emulators.cosmos.answers import Answer, feed_answer, json_answer
from emulators.cosmos.container import Container, Database
from emulators.cosmos.documents import parse_item
from emulators.cosmos.errors import bad_request
from emulators.cosmos.etags import check_match, matches
from emulators.cosmos.json_text import to_text
from emulators.cosmos.offers import DEFAULT_THROUGHPUT, offer_content
from emulators.cosmos.operations.queries import query_values
from emulators.cosmos.requests import (
    IF_MATCH,
    IF_NONE_MATCH,
    ITEM_COUNT,
    OFFER_AUTOPILOT,
    OFFER_THROUGHPUT,
    Request,
)

_METADATA_CHARGE: Final = 2.0


async def read_account(_account: Account, request: Request) -> Answer:
    return json_answer(account_json(request.base_url), charge=0)


async def create_database(account: Account, request: Request) -> Answer:
    database = account.catalog.create_database(parse_item(request.body), _offer(request))
    return json_answer(database.to_json(), status=201, charge=_METADATA_CHARGE, etag=database.etag)


async def read_database(account: Account, request: Request) -> Answer:
    database = account.catalog.database(request.segments[1])
    return json_answer(database.to_json(), charge=_METADATA_CHARGE, etag=database.etag)


async def delete_database(account: Account, request: Request) -> Answer:
    database = account.catalog.database(request.segments[1])
    check_match(request.header(IF_MATCH), database.etag)
    account.catalog.delete_database(database)
    return Answer(204, charge=_METADATA_CHARGE)


async def list_databases(account: Account, _request: Request) -> Answer:
    return _page("Databases", "", _all_databases(account))


async def query_databases(account: Account, request: Request) -> Answer:
    return _page("Databases", "", query_values(request.body, _all_databases(account)))


async def create_container(account: Account, request: Request) -> Answer:
    database = _database_of(account, request)
    offer = _offer(request)
    if offer is None and not any(o.resource == database.self_link for o in account.offers.all()):
        offer = offer_content(DEFAULT_THROUGHPUT, None)
    container = account.catalog.create_container(database, parse_item(request.body), offer)
    return _container_answer(container, request, status=201)


async def read_container(account: Account, request: Request) -> Answer:
    return _container_answer(account.catalog.container(request.segments[1], request.segments[3]), request)


async def replace_container(account: Account, request: Request) -> Answer:
    container = account.catalog.container(request.segments[1], request.segments[3])
    check_match(request.header(IF_MATCH), container.etag)
    account.catalog.replace_container(container, parse_item(request.body))
    return _container_answer(container, request)


async def delete_container(account: Account, request: Request) -> Answer:
    container = account.catalog.container(request.segments[1], request.segments[3])
    check_match(request.header(IF_MATCH), container.etag)
    account.catalog.delete_container(container)
    return Answer(204, charge=_METADATA_CHARGE)


async def list_containers(account: Account, request: Request) -> Answer:
    database = _database_of(account, request)
    return _page("DocumentCollections", database.rid, _all_containers(database))


async def query_containers(account: Account, request: Request) -> Answer:
    database = _database_of(account, request)
    values = query_values(request.body, _all_containers(database))
    return _page("DocumentCollections", database.rid, values)


async def read_ranges(_account: Account, request: Request) -> Answer:
    """The map of partitions. Clients ask again with the etag until they are told 304, for ever if need be."""
    container = request.container
    assert container is not None
    etag = f'"{sum(len(key_range.parents) for key_range in container.ranges) + 1}"'
    if matches(request.header(IF_NONE_MATCH), etag):
        return Answer(304, headers={"etag": etag, ITEM_COUNT: "0"})
    texts = [to_text(key_range) for key_range in container.ranges_to_json()]
    return feed_answer("PartitionKeyRanges", container.rid, texts, etag=etag)


async def list_offers(account: Account, _request: Request) -> Answer:
    return _page("Offers", "", [offer.to_json() for offer in account.offers.all()])


async def query_offers(account: Account, request: Request) -> Answer:
    values = query_values(request.body, [offer.to_json() for offer in account.offers.all()])
    return _page("Offers", "", values)


async def read_offer(account: Account, request: Request) -> Answer:
    offer = account.offers.find(request.segments[1])
    return json_answer(offer.to_json(), charge=_METADATA_CHARGE, etag=offer.etag)


async def replace_offer(account: Account, request: Request) -> Answer:
    offer = account.offers.replace(request.segments[1], parse_item(request.body))
    return json_answer(offer.to_json(), charge=_METADATA_CHARGE, etag=offer.etag)


def _database_of(account: Account, request: Request) -> Database:
    return account.catalog.database(request.segments[1])


def _container_answer(container: Container, request: Request, status: int = 200) -> Answer:
    request.container = container
    answer = json_answer(container.to_json(), status=status, charge=_METADATA_CHARGE, etag=container.etag)
    if request.flag("x-ms-documentdb-populatequotainfo"):
        count = container.items.count()
        answer.headers["x-ms-resource-usage"] = f"documentsCount={count};"
        answer.headers["x-ms-resource-quota"] = "documentsCount=-1;"
    return answer


def _all_databases(account: Account) -> list[dict[str, Any]]:
    return [database.to_json() for database in account.catalog.databases.values()]


def _all_containers(database: Database) -> list[dict[str, Any]]:
    return [container.to_json() for container in database.containers.values()]


def _page(name: str, rid: str, values: Iterable[Any]) -> Answer:
    return feed_answer(name, rid, map(to_text, values), charge=_METADATA_CHARGE)


def _offer(request: Request) -> dict[str, Any] | None:
    throughput = request.header(OFFER_THROUGHPUT)
    autopilot = request.header(OFFER_AUTOPILOT)
    if throughput is None and autopilot is None:
        return None
    try:
        maximum = json.loads(autopilot)["maxThroughput"] if autopilot is not None else None
        return offer_content(int(throughput) if throughput is not None else None, maximum)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise bad_request("The offer headers are not valid.") from None
