"""The client of Cosmos DB is opened and checked here, and provisions the database and its containers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from azure.core.exceptions import AzureError
from azure.cosmos import PartitionKey, ThroughputProperties
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from engine.errors import AdapterError, Unavailable, UnsuitableAccount
from engine.identity import identity
from engine.settings import CosmosConnection
from engine.storing.containers import Container, Outcome, Provisioned
from engine.storing.cosmos_sessions import keep_tokens_apart
from engine.storing.cosmos_transport import TracedTransport
from engine.storing.throughput import Background, Throughput

CONNECT_LIFETIME: Final = 15.0
"""An attempt to open a client is given up after this many seconds, the token of an identity included.

The SDK (4.17) tries three times to read the account, for 24 seconds in all.
"""

PROVISION_LIFETIME: Final = 30.0
"""The creation or change of one container, or of the database, is given up after this many seconds."""

_CONNECT_TIMEOUT: Final = 3
_READ_TIMEOUT: Final = 8


@asynccontextmanager
async def open_client(
    connection: CosmosConnection, *, background: Background | None = None
) -> AsyncIterator[CosmosClient]:
    """Yields a client that Cosmos DB has accepted, and closes it at the end.

    Raises Unavailable when Cosmos DB does not answer or rejects the client, and UnsuitableAccount for an account with
    several write regions: two writers could both win there.
    """
    async with contextlib.AsyncExitStack() as stack:
        client = CosmosClient(
            connection.endpoint,
            await _credential(connection, stack),
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            # A dropped connection is retried once, writes too: versions and command keys make that safe.
            retry_connect=1,
            retry_read=1,
            # A throttled request fails, and the caller decides how long it waits. The SDK takes 0 for "not given".
            retry_throttle_total=-1,
            # By itself, the transport looks for a proxy at each request, and for `.netrc`, in two threads.
            transport=TracedTransport(use_env_settings=False),
            proxies=_proxies(connection.endpoint),
            **_behind_others(background),
        )
        # `__aenter__` opens connections before it reads the account, and leaves them open if that fails.
        stack.push_async_callback(client.close)
        try:
            async with asyncio.timeout(CONNECT_LIFETIME):
                await client.__aenter__()
                # What `__aenter__` has read: to ask for it in public would be another round trip.
                account = client.client_connection._setup_kwargs["database_account"]  # noqa: SLF001
        except TimeoutError as error:
            raise Unavailable(f"no answer from Cosmos DB at {connection.endpoint} in time") from error
        except AzureError as error:
            raise Unavailable(f"Cosmos DB at {connection.endpoint} does not let us in: {error}") from error
        if len(account.WritableLocations) > 1:
            raise UnsuitableAccount("the Cosmos DB account has several write regions: configure a single one")
        keep_tokens_apart(client)
        yield client


def _behind_others(background: Background | None) -> dict[str, Any]:
    if background is None:
        return {}

    def answered(response: Any) -> None:
        background.charged(float(response.http_response.headers.get("x-ms-request-charge", 0)))

    return {"raw_response_hook": answered, "throughput_bucket": background.throughput_bucket}


def _proxies(endpoint: str) -> dict[str, str]:
    """Returns the proxy that the environment names for this endpoint, by scheme."""
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    return {} if proxy is None or proxy_bypass(parts.hostname or "") else {parts.scheme: proxy}


async def _credential(connection: CosmosConnection, stack: contextlib.AsyncExitStack) -> Any:
    if connection.key is not None:
        return connection.key
    return await stack.enter_async_context(await identity(connection.client_id))


async def provision(
    client: CosmosClient,
    database_name: str,
    definitions: Iterable[Container],
    report: Callable[[Provisioned], None],
) -> None:
    """Creates the database and missing containers, and updates those that differ; `report` gets the result for each.

    One that is refused does not keep the others from being provisioned. Raises UnsuitableAccount when a container
    exists with another partition key or unique key, which cannot be changed, and Unavailable when Cosmos DB refuses, or
    does not answer.
    """
    failures: list[AdapterError] = []
    async with _refusals_of("the database"):
        database = await client.create_database_if_not_exists(database_name)
    for definition in definitions:
        try:
            async with _refusals_of(f"container {definition.name}"):
                report(Provisioned(definition.name, await _provision_container(database, definition)))
        except AdapterError as error:
            failures.append(error)
            if isinstance(error, _NoAnswer):
                break
    if failures:
        kind = UnsuitableAccount if any(isinstance(each, UnsuitableAccount) for each in failures) else Unavailable
        raise kind("; ".join(map(str, failures)))


async def set_throughput(client: CosmosClient, database_name: str, wanted: Throughput | None) -> Throughput | None:
    """Makes `wanted` the throughput that the containers of the database share, and returns the one there was before.

    With None, it only looks. A database that is not there is created with it. Raises UnsuitableAccount for a database
    that has none, or one of the other kind, since Cosmos DB changes neither here; Unavailable when it refuses.
    """
    async with _refusals_of("the throughput"):
        database = await client.create_database_if_not_exists(
            database_name, offer_throughput=None if wanted is None else _offer(wanted)
        )
        found = await _found_throughput(database)
        if wanted is None or found == wanted:
            return found
        if found is None or found.autoscale != wanted.autoscale:
            has = found or "no throughput of its own (it is serverless, or its containers have theirs)"
            raise UnsuitableAccount(
                f"database {database_name} has {has}; {wanted} can be set when a database is created, or after "
                "`az cosmosdb sql database throughput migrate`"
            )
        await database.replace_throughput(_offer(wanted))
        return found


async def _found_throughput(database: DatabaseProxy) -> Throughput | None:
    try:
        found = await database.get_throughput()
    except (CosmosResourceNotFoundError, AttributeError):
        # The SDK (4.17) answers a database without throughput by a look-up of a container that it has no name of.
        return None
    most = found.auto_scale_max_throughput
    return Throughput(int(found.offer_throughput or 0), False) if most is None else Throughput(int(most), True)


def _offer(throughput: Throughput) -> ThroughputProperties:
    if throughput.autoscale:
        return ThroughputProperties(auto_scale_max_throughput=throughput.units)
    return ThroughputProperties(offer_throughput=throughput.units)


class _NoAnswer(Unavailable):
    """Is raised when Cosmos DB does not answer: each further request would have to wait as long."""


@asynccontextmanager
async def _refusals_of(what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PROVISION_LIFETIME):
            yield
    except CosmosHttpResponseError as error:
        raise Unavailable(f"Cosmos DB refuses {what}: {error}") from error
    except (AzureError, TimeoutError) as error:
        raise _NoAnswer(f"no answer from Cosmos DB for {what} ({type(error).__name__})") from error


async def _provision_container(database: DatabaseProxy, definition: Container) -> Outcome:
    partition_key = PartitionKey(path=definition.partition_key)
    proxy = database.get_container_client(definition.name)
    try:
        found = await proxy.read()
    except CosmosResourceNotFoundError:
        await database.create_container(
            definition.name,
            partition_key,
            indexing_policy=definition.indexing_policy,
            default_ttl=definition.default_ttl,
            unique_key_policy=_unique_keys(definition),
        )
        return "created"
    _check_fixed_properties(definition, found)
    if _has(definition, found):
        return "unchanged"
    await _replace(database, definition, found)
    return "updated"


async def _replace(database: DatabaseProxy, definition: Container, found: dict[str, Any]) -> None:
    """Sends the whole definition, as it was found.

    `DatabaseProxy.replace_container` of the SDK (4.17) leaves out the unique keys, and Cosmos DB refuses to lose them.
    """
    changed = {**found, "indexingPolicy": definition.indexing_policy, "defaultTtl": definition.default_ttl}
    if definition.default_ttl is None:
        del changed["defaultTtl"]
    await database.client_connection.ReplaceContainer(f"dbs/{database.id}/colls/{definition.name}", collection=changed)


def _unique_keys(definition: Container) -> dict[str, Any] | None:
    return None if definition.unique_key is None else {"uniqueKeys": [{"paths": [definition.unique_key]}]}


def _check_fixed_properties(definition: Container, found: dict[str, Any]) -> None:
    unique_keys = [key["paths"] for key in found.get("uniqueKeyPolicy", {}).get("uniqueKeys", [])]
    wanted = [] if definition.unique_key is None else [[definition.unique_key]]
    if found["partitionKey"]["paths"] != [definition.partition_key] or unique_keys != wanted:
        raise UnsuitableAccount(
            f"container {definition.name} exists with another partition key or unique key, which cannot be changed: "
            f"use another database, or delete the container if it holds nothing of value"
        )


def _has(definition: Container, found: dict[str, Any]) -> bool:
    def paths(policy: dict[str, Any], kind: str) -> set[str]:
        return {entry["path"] for entry in policy.get(kind, [])}

    policy, wanted = found["indexingPolicy"], definition.indexing_policy
    return (
        policy.get("indexingMode") == wanted["indexingMode"]
        and paths(policy, "includedPaths") == paths(wanted, "includedPaths")
        and paths(policy, "excludedPaths") == paths(wanted, "excludedPaths")
        and found.get("defaultTtl") == definition.default_ttl
    )
