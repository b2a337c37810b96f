"""Plain HTTP with the protocol's signature, for what an SDK cannot express."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
from yarl import URL

CROSS_PARTITION = {"x-ms-documentdb-query-enablecrosspartition": "True"}
KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
ITEMS = "/dbs/shop/colls/items/docs"
DOTNET_FEATURES = (
    "Aggregate, Distinct, GroupBy, MultipleAggregates, MultipleOrderBy, OffsetAndLimit, OrderBy, Top, "
    "NonValueAggregate, DCount, NonStreamingOrderBy, CountIf, HybridSearch, WeightedRankFusion"
)


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def substatus(self) -> int:
        return int(self.headers.get("x-ms-substatus", "0"))

    @property
    def lsn(self) -> int:
        return int(self.headers["x-ms-session-token"].rpartition("#")[2])


class RawClient:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        signed: tuple[str, str] | None = None,
        key: str = KEY,
    ) -> RawAnswer:
        """`signed` is the resource type and link that the signature covers, where they are not those of the path."""
        date = formatdate(usegmt=True)
        kind, link = signed if signed is not None else _resource(path)
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {
            "x-ms-date": date,
            "x-ms-version": "2020-07-15",
            "Authorization": authorization(method, kind, link, date, key),
            **(headers or {}),
        }
        url = URL(self._url + path, encoded=True)
        async with self._session.request(
            method, url, data=data, headers=sent, skip_auto_headers={"Content-Type"}
        ) as response:
            return RawAnswer(response.status, response.headers, await response.read())

    async def create(self, item: dict[str, Any], key: Any = None, path: str = ITEMS) -> RawAnswer:
        return await self.send("POST", path, item, partition_key(item["pk"] if key is None else key))

    async def query(
        self, text: str, headers: Mapping[str, str] | None = None, path: str = ITEMS, **parameters: Any
    ) -> RawAnswer:
        body = {"query": text, "parameters": [{"name": f"@{n}", "value": v} for n, v in parameters.items()]}
        sent = {"Content-Type": "application/query+json", "x-ms-documentdb-isquery": "True", **(headers or {})}
        return await self.send("POST", path, body, sent)

    async def plan(
        self, text: str, features: str | None = DOTNET_FEATURES, headers: Mapping[str, str] | None = None
    ) -> RawAnswer:
        """The query plan for a client that has these features; without the header, if they are None."""
        sent = {"Content-Type": "application/query+json", "x-ms-cosmos-is-query-plan-request": "True"}
        named = {} if features is None else {"x-ms-cosmos-supported-query-features": features}
        return await self.send("POST", ITEMS, {"query": text}, {**sent, **named, **(headers or {})})

    async def feed(self, path: str = ITEMS, **headers: str) -> RawAnswer:
        return await self.send("GET", path, None, {"A-IM": "Incremental Feed", **headers})

    async def batch(self, key: Any, *operations: dict[str, Any], path: str = ITEMS) -> RawAnswer:
        sent = {
            "x-ms-cosmos-is-batch-request": "True",
            "x-ms-cosmos-batch-atomic": "True",
            **partition_key(key),
        }
        return await self.send("POST", path, list(operations), sent)


def partition_key(*components: Any) -> dict[str, str]:
    return {"x-ms-documentdb-partitionkey": json.dumps(list(components))}


def authorization(method: str, kind: str, link: str, date: str, key: str = KEY) -> str:
    text = f"{method.lower()}\n{kind.lower()}\n{link}\n{date.lower()}\n\n"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)).decode()
    return quote(f"type=master&ver=1.0&sig={signature}", safe="-_.!~*'()")


def _resource(path: str) -> tuple[str, str]:
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if segments[-1:] == ["partitionkeydelete"]:
        segments = segments[:-2]
    if len(segments) % 2:
        return segments[-1], "/".join(segments[:-1])
    return (segments[-2], "/".join(segments)) if segments else ("", "")
