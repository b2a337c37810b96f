"""A small client of the Cosmos DB REST protocol: what the Functions extension needs, signed with the master key."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from yarl import URL

from emulators.functions.cosmos_account import Account

_API_VERSION = "2020-07-15"  # of the .NET SDK, on every call
# The features are those of the .NET SDK, so that a query is refused only for what this client does not combine.
_PLAN = {
    "Content-Type": "application/query+json",
    "x-ms-cosmos-is-query-plan-request": "True",
    "x-ms-cosmos-query-version": "1.0",
    "x-ms-cosmos-supported-query-features": (
        "Aggregate, Distinct, GroupBy, MultipleAggregates, MultipleOrderBy, OffsetAndLimit, OrderBy, Top, "
        "NonValueAggregate, DCount"
    ),
}
_MINIMAL = {"Prefer": "return=minimal"}
# The .NET SDK tries a throttled request again nine times.
_THROTTLE_RETRIES = 9

# One value per path of the container's key; `{}` stands for a property that an item does not have.
PartitionKey = tuple[Any, ...]


class CosmosError(Exception):
    """An answer other than success, by status and substatus, with the service's own message."""

    def __init__(self, status: int, substatus: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status}/{substatus}: {message}")
        self.status = status
        self.substatus = substatus
        self.retry_after = retry_after


@dataclass(frozen=True)
class Reply:
    """The body of an answer, None if there was none, and the headers that matter."""

    status: int
    content: Any
    etag: str
    continuation: str | None


@dataclass(frozen=True)
class ContainerId:
    """The resource ids of a container and its database, and where the partition key is in an item."""

    database_rid: str
    rid: str
    partition_key_paths: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """A physical partition and its effective partition keys: upper-case hex, `minimum` in, `maximum` out."""

    id: str
    minimum: str
    maximum: str


class CosmosClient:
    """Calls of one account. Keeps the session token of every container, as the SDKs do."""

    def __init__(self, account: Account, session: aiohttp.ClientSession) -> None:
        self.account = account
        self._session = session
        self._tokens: dict[str, dict[str, str]] = {}

    def container(self, database: str, name: str) -> "Container":
        return Container(self, database, name)

    async def send(
        self,
        method: str,
        path: str,
        resource_type: str,
        resource_link: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
        session: str | None = None,
    ) -> Reply:
        """One call. Raises CosmosError for every status of 400 and above, aiohttp.ClientError without an answer.

        `session` names the container whose session token goes along and is kept.
        """
        for _ in range(_THROTTLE_RETRIES):
            try:
                return await self._send_once(method, path, resource_type, resource_link, headers, content, session)
            except CosmosError as error:
                if error.status != 429:
                    raise
                await asyncio.sleep(error.retry_after)
        return await self._send_once(method, path, resource_type, resource_link, headers, content, session)

    async def _send_once(
        self,
        method: str,
        path: str,
        resource_type: str,
        resource_link: str,
        headers: Mapping[str, str] | None,
        content: Any,
        session: str | None,
    ) -> Reply:
        date = formatdate(usegmt=True)
        sent = {
            "Authorization": self._signature(method, resource_type, resource_link, date),
            "x-ms-date": date,
            "x-ms-version": _API_VERSION,
            "x-ms-activity-id": str(uuid4()),
            "Cache-Control": "no-cache",
            "Accept": "application/json",
            **(headers or {}),
        }
        if session is not None and session in self._tokens and (method in ("GET", "POST")):
            sent["x-ms-session-token"] = ",".join(f"{name}:{token}" for name, token in self._tokens[session].items())
        data = None if content is None else json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        url = URL(self.account.endpoint + quote(path, safe="/=+&;:@"), encoded=True)
        async with self._session.request(
            method, url, headers=sent, data=data, ssl=self.account.verify_tls, skip_auto_headers=("Content-Type",)
        ) as answer:
            text = await answer.read()
            if session is not None:
                self._keep_token(session, answer.headers.get("x-ms-session-token", ""))
            if answer.status >= 400:
                raise _error_of(answer, text)
            return Reply(
                answer.status,
                json.loads(text) if text else None,
                answer.headers.get("etag", ""),
                answer.headers.get("x-ms-continuation"),
            )

    def _signature(self, method: str, resource_type: str, resource_link: str, date: str) -> str:
        text = f"{method.lower()}\n{resource_type}\n{resource_link}\n{date.lower()}\n\n"
        signature = base64.b64encode(hmac.digest(self.account.key, text.encode(), hashlib.sha256)).decode()
        return quote(f"type=master&ver=1.0&sig={signature}", safe="")

    def _keep_token(self, session: str, header: str) -> None:
        for part in header.split(","):
            name, _, token = part.strip().partition(":")
            if token:
                self._tokens.setdefault(session, {})[name] = token


class Container:
    """The items of one container."""

    def __init__(self, client: CosmosClient, database: str, name: str) -> None:
        self._client = client
        self._database = database
        self.name = name
        self._link = f"dbs/{database}/colls/{name}"

    async def read_id(self) -> ContainerId:
        """Raises CosmosError 404 if the container does not exist."""
        reply = await self._client.send("GET", f"/{self._link}", "colls", self._link, session=self._link)
        database_rid = reply.content["_self"].split("/")[1]
        return ContainerId(database_rid, reply.content["_rid"], tuple(reply.content["partitionKey"]["paths"]))

    async def create_if_missing(self, content: Mapping[str, Any], throughput: int | None = None) -> None:
        """Create the container, and its database, unless they exist; another process may do the same."""
        try:
            await self.read_id()
            return
        except CosmosError as error:
            if error.status != 404:
                raise
        offer = {} if throughput is None else {"x-ms-offer-throughput": str(throughput)}
        database = f"dbs/{self._database}"
        with _tolerating(409):
            await self._client.send("POST", "/dbs", "dbs", "", content={"id": self._database})
        with _tolerating(409):
            await self._client.send("POST", f"/{database}/colls", "colls", database, headers=offer, content=content)

    async def ranges(self) -> list[Range]:
        """The physical partitions."""
        headers = {"A-IM": "Incremental Feed", "x-ms-max-item-count": "-1"}
        reply = await self._client.send("GET", f"/{self._link}/pkranges", "pkranges", self._link, headers=headers)
        return [
            Range(found["id"], found["minInclusive"], found["maxExclusive"])
            for found in reply.content["PartitionKeyRanges"]
        ]

    async def read(self, item_id: str, partition_key: PartitionKey) -> tuple[dict[str, Any], str]:
        """An item and its etag. Raises CosmosError 404."""
        reply = await self._item("GET", item_id, partition_key, {})
        return reply.content, reply.etag

    async def create(self, item: Mapping[str, Any], partition_key: PartitionKey) -> str:
        """The new item's etag. Raises CosmosError 409 if the id is taken."""
        headers = _MINIMAL | _key_header(partition_key)
        return (await self._docs("POST", headers, item)).etag

    async def upsert(self, item: Mapping[str, Any], partition_key: PartitionKey) -> None:
        """Create or replace an item."""
        await self._docs("POST", {"x-ms-documentdb-is-upsert": "True"} | _key_header(partition_key), item)

    async def replace(self, item: Mapping[str, Any], partition_key: PartitionKey, etag: str) -> str:
        """The new etag. Raises CosmosError 412 if the item has another etag, 404 if it is gone."""
        headers = _MINIMAL | {"If-Match": etag}
        return (await self._item("PUT", str(item["id"]), partition_key, headers, item)).etag

    async def delete(self, item_id: str, partition_key: PartitionKey, etag: str | None = None) -> None:
        """Delete an item, with `etag` only if it still has it."""
        await self._item("DELETE", item_id, partition_key, {} if etag is None else {"If-Match": etag})

    async def query(
        self, text: str, parameters: Mapping[str, Any], partition_key: PartitionKey | None = None
    ) -> list[Any]:
        """All rows, of one partition or of all of them.

        Raises CosmosError also for a query of several partitions whose parts would have to be combined here.
        """
        content = {
            "query": text,
            "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        }
        headers = {
            "Content-Type": "application/query+json",
            "x-ms-documentdb-isquery": "True",
            "x-ms-max-item-count": "1000",
        }
        if partition_key is not None:
            return await self._pages(headers | _key_header(partition_key), content)
        ranges = await self.ranges()
        if len(ranges) > 1:
            await self._docs("POST", _PLAN, content)
        rows: list[Any] = []
        for each in ranges:
            across = {
                "x-ms-documentdb-query-enablecrosspartition": "True",
                "x-ms-documentdb-partitionkeyrangeid": each.id,
            }
            rows += await self._pages(headers | across, content)
        return rows

    async def change_feed(self, headers: Mapping[str, str], max_items: int | None) -> Reply:
        """One page of changes of the range and position that the headers name; status 304 without changes."""
        sent = {"A-IM": "Incremental Feed", **headers}
        if max_items is not None:
            sent["x-ms-max-item-count"] = str(max_items)
        return await self._docs("GET", sent, None)

    async def _pages(self, headers: Mapping[str, str], content: Any) -> list[Any]:
        rows: list[Any] = []
        continuation: str | None = None
        while True:
            more = {} if continuation is None else {"x-ms-continuation": continuation}
            reply = await self._docs("POST", {**headers, **more}, content)
            rows += reply.content["Documents"]
            continuation = reply.continuation
            if continuation is None:
                return rows

    async def _docs(self, method: str, headers: Mapping[str, str], content: Any) -> Reply:
        return await self._client.send(
            method,
            f"/{self._link}/docs",
            "docs",
            self._link,
            headers=headers,
            content=content,
            session=self._link,
        )

    async def _item(
        self, method: str, item_id: str, partition_key: PartitionKey, headers: Mapping[str, str], content: Any = None
    ) -> Reply:
        link = f"{self._link}/docs/{item_id}"
        return await self._client.send(
            method,
            f"/{link}",
            "docs",
            link,
            headers={**headers, **_key_header(partition_key)},
            content=content,
            session=self._link,
        )


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """The HTTP session for all accounts of a host."""
    timeout = aiohttp.ClientTimeout(total=30, connect=5)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@contextmanager
def _tolerating(status: int) -> Iterator[None]:
    try:
        yield
    except CosmosError as error:
        if error.status != status:
            raise


def _key_header(partition_key: PartitionKey) -> dict[str, str]:
    return {"x-ms-documentdb-partitionkey": json.dumps(partition_key, separators=(",", ":"))}


def _error_of(answer: aiohttp.ClientResponse, text: bytes) -> CosmosError:
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text.decode(errors="replace")[:500]
    retry_after = float(answer.headers.get("x-ms-retry-after-ms", "0")) / 1000
    return CosmosError(answer.status, int(answer.headers.get("x-ms-substatus", "0")), message, retry_after)
