"""Hostile input over the wire: a problem each, nothing written, and the service still serves.

A row per kind of input and endpoint that takes it.
"""

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.e2e.stack import Stack, running

LINE: dict[str, Any] = {"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
PLACE: dict[str, Any] = {"customerId": "ada", "lines": [LINE]}
CANCEL: dict[str, Any] = {"reason": "no"}
RECEIVE: dict[str, Any] = {"quantity": 1}
PAY: dict[str, Any] = {"outcome": "processed", "reference": "pay-1"}
SHIP: dict[str, Any] = {"carrier": "DHL", "trackingNumber": "T-1"}
ORDER_ID = str(uuid.uuid4())

COMMANDS = {
    "/orders": PLACE,
    f"/orders/{ORDER_ID}/cancellation": CANCEL,
    f"/orders/{ORDER_ID}/payment": PAY,
    f"/orders/{ORDER_ID}/shipment": SHIP,
    "/stock/mug/receipts": RECEIVE,
}

BODIES = {**COMMANDS, "/dashboard/releases": {"consumer": "commands", "name": "stock-mug"}}

STRINGS: dict[str, Any] = {
    "a number": 5, "true": True, "null": None, "a list": ["a"], "an object": {}, "empty": "", "65 characters": "x" * 65,
    "10 kB": "x" * 10_000, "a slash": "a/b", "a backslash": "a\\b", "a quote": "a'b", "a double quote": 'a"b',
    "a newline": "a\n", "NUL": "a\x00b", "non-ASCII": "käfer", "a lone surrogate": "a\ud800", "a space": "a b",
    "dots and slashes": "../../etc", "other digits": "١٢",
}  # fmt: skip
QUANTITIES: dict[str, Any] = {
    "a string": "5", "a float": 5.0, "true": True, "null": None, "zero": 0, "negative": -1, "a fraction": 1.5,
    "huge": 10**7, "beyond 64 bits": 10**30, "a list": [1],
}  # fmt: skip
AMOUNTS: dict[str, Any] = {
    "a number": 12.5, "an integer": 12, "null": None, "empty": "", "negative": "-1.00", "signed": "+1.00",
    "an exponent": "1e3", "too many decimals": "1.005", "NaN": "NaN", "infinite": "Infinity", "spaces": " 1.00",
    "huge": "9" * 30, "a comma": "1,00", "hexadecimal": "0x10", "other digits": "١٢",
}  # fmt: skip
CURRENCIES: dict[str, Any] = {
    "unknown": "XXX", "lower case": "eur", "empty": "", "null": None, "a number": 978, "too long": "EURO",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One request; `data` is sent as it is."""

    kind: str
    method: str
    path: str
    data: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False

    def __str__(self) -> str:
        path = self.path.replace(ORDER_ID, "{orderId}")
        return f"{self.method} {path if len(path) < 60 else path[:57] + '...'}: {self.kind}"


def whole_bodies() -> Iterator[Row]:
    for path, body in BODIES.items():
        text = json.dumps(body)
        first, value = next(iter(body.items()))
        kinds = {
            "no body": b"",
            "not JSON": b"quantity=1",
            "cut off": text[:-1].encode(),
            "an array": b"[]",
            "null": b"null",
            "a string": b'"text"',
            "a number": b"5",
            "two values": (text + text).encode(),
            "UTF-16": text.encode("utf-16"),
            "invalid UTF-8": b'{"reason": "\xff"}',
            "deeply nested": b"[" * 30_000,
            "deeply nested objects": b'{"a":' * 9_000,
            "an unknown field": json.dumps({**body, "more": 1}).encode(),
            "a duplicate key": f"{{{json.dumps(first)}: {json.dumps(value)}, {text[1:]}".encode(),
            "NaN": f"{{{json.dumps(first)}: NaN}}".encode(),
            "Infinity": f"{{{json.dumps(first)}: Infinity}}".encode(),
            "a number beyond doubles": f"{{{json.dumps(first)}: 1e400}}".encode(),
            "a missing field": b"{}",
            "over the limit": text.encode() + b" " * 65_536,
            "a trailing comma": (text[:-1] + ",}").encode(),
        }
        for kind, data in kinds.items():
            yield Row(kind, "POST", path, data)
        yield Row("chunked", "POST", path, text.encode(), chunked=True)


def fields() -> Iterator[Row]:
    def place(kind: str, body: Any) -> Row:
        return Row(kind, "POST", "/orders", json.dumps(body).encode())

    def line(**changed: Any) -> dict[str, Any]:
        return {**PLACE, "lines": [{**LINE, **changed}]}

    for kind, value in STRINGS.items():
        yield place(f"customerId {kind}", {**PLACE, "customerId": value})
        yield place(f"sku {kind}", line(sku=value))
    for kind, value in QUANTITIES.items():
        yield place(f"quantity {kind}", line(quantity=value))
        yield Row(f"quantity {kind}", "POST", "/stock/mug/receipts", json.dumps({"quantity": value}).encode())
    for kind, value in AMOUNTS.items():
        yield place(f"amount {kind}", line(unitPrice={"amount": value, "currency": "EUR"}))
    for kind, value in CURRENCIES.items():
        yield place(f"currency {kind}", line(unitPrice={"amount": "1", "currency": value}))
    lines: dict[str, Any] = {
        "empty": [], "null": None, "101 of them": [LINE] * 101, "an object": {}, "of texts": ["mug"],
        "in two currencies": [LINE, {**LINE, "unitPrice": {"amount": "1", "currency": "USD"}}],
        "with an unknown field": [{**LINE, "more": 1}], "without a price": [{"sku": "mug", "quantity": 1}],
    }  # fmt: skip
    for kind, value in lines.items():
        yield place(f"lines {kind}", {**PLACE, "lines": value})
    reasons: dict[str, Any] = {
        "a number": 5, "null": None, "a list": [], "empty": "", "501 characters": "x" * 501, "10 kB": "x" * 10_000,
        "a lone surrogate": "\ud800",
    }  # fmt: skip
    for kind, reason in reasons.items():
        yield Row(f"reason {kind}", "POST", f"/orders/{ORDER_ID}/cancellation", json.dumps({"reason": reason}).encode())
        for field in SHIP:
            yield Row(
                f"{field} {kind}", "POST", f"/orders/{ORDER_ID}/shipment", json.dumps({**SHIP, field: reason}).encode()
            )
        declined = {**PAY, "outcome": "declined", "reason": reason}
        yield Row(f"reason {kind}", "POST", f"/orders/{ORDER_ID}/payment", json.dumps(declined).encode())
    unasked = {**PAY, "reason": "why not"}
    yield Row("reason of no refusal", "POST", f"/orders/{ORDER_ID}/payment", json.dumps(unasked).encode())
    references: dict[str, Any] = {
        "a number": 5, "null": None, "a list": [], "empty": "", "101 characters": "x" * 101, "10 kB": "x" * 10_000,
        "a newline": "a\n", "NUL": "a\x00b", "non-ASCII": "käfer", "a lone surrogate": "a\ud800",
    }  # fmt: skip
    for kind, reference in references.items():
        report = {**PAY, "reference": reference}
        yield Row(f"reference {kind}", "POST", f"/orders/{ORDER_ID}/payment", json.dumps(report).encode())
    outcomes: dict[str, Any] = {"unknown": "refunded", "upper case": "PROCESSED", "null": None, "true": True}
    for kind, outcome in outcomes.items():
        report = {**PAY, "outcome": outcome}
        yield Row(f"outcome {kind}", "POST", f"/orders/{ORDER_ID}/payment", json.dumps(report).encode())


def ids() -> Iterator[Row]:
    names = {
        "a slash": "a%2Fb",
        "a backslash": "a%5Cb",
        "a quote": "a'b",
        "a double quote": "a%22b",
        "a newline": "a%0A",
        "NUL": "a%00b",
        "non-ASCII": "k%C3%A4fer",
        "a lone surrogate": "%ED%A0%80",
        "a bad escape": "a%zz",
        "65 characters": "x" * 65,
        "10 kB": "x" * 10_000,
        "a space": "a%20b",
        "dots": "..%2f..%2fetc",
        "a question mark": "a%3Fb",
        "a hash": "a%23b",
    }
    for kind, name in names.items():
        for path in (
            f"/orders/{name}", f"/orders/{name}/events", f"/orders/{name}/payment", f"/customers/{name}/orders",
            f"/stock/{name}", f"/stock/{name}/events", f"/dashboard/data/{name}", f"/dashboard/files/{name}",
            f"/dashboard/data/order?id={name}", f"/dashboard/data/state?id={name}&version=1",
            f"/dashboard/data/payload?consumer={name}&name={name}",
        ):  # fmt: skip
            yield Row(f"id with {kind}", "GET", path)
        yield Row(f"id with {kind}", "POST", f"/orders/{name}/cancellation", json.dumps(CANCEL).encode())
        yield Row(f"id with {kind}", "POST", f"/orders/{name}/payment", json.dumps(PAY).encode())
        yield Row(f"id with {kind}", "POST", f"/orders/{name}/shipment", json.dumps(SHIP).encode())
        yield Row(f"id with {kind}", "POST", f"/stock/{name}/receipts", json.dumps(RECEIVE).encode())


def headers() -> Iterator[Row]:
    malformed = [
        ("Idempotency-Key", "x" * 101), ("Idempotency-Key", "k\u00e4fer"), ("Idempotency-Key", ""),
        ("If-Match", "1"), ("If-Match", 'W/"1"'), ("If-Match", '"1", "2"'), ("If-Match", '"-1"'), ("If-Match", '"01"'),
        ("If-Match", '"99999999999"'), ("If-Match", '"one"'), ("If-Match", '"1'),
    ]  # fmt: skip
    for path, body in COMMANDS.items():
        for name, value in malformed:
            yield Row(f"{name}: {value[:20]!r}", "POST", path, json.dumps(body).encode(), ((name, value),))


def queries() -> Iterator[Row]:
    versions = ["-1", "1.0", "one", "99999999999", "0x1", "%D9%A1", "1,2"]
    for path in (f"/orders/{ORDER_ID}", f"/orders/{ORDER_ID}/payment", f"/orders/{ORDER_ID}/events", "/stock/mug"):
        for version in versions:
            yield Row("minVersion", "GET", f"{path}?minVersion={version}")
    for version in [*versions, "0"]:
        yield Row("atVersion", "GET", f"/orders/{ORDER_ID}?atVersion={version}")
    for time in ("yesterday", "2026-11-23", "2026-11-23T12:00:00", "2026-13-23T12:00:00Z", "99999-01-01T00:00:00Z",
                 "0000-01-01T00:00:00Z", "1795407483", "2026-11-23T12:00:00%2B99:00"):  # fmt: skip
        yield Row("asOf", "GET", f"/orders/{ORDER_ID}?asOf={time}")
    for version in ("", *versions, "0"):
        yield Row("version", "GET", f"/dashboard/data/state?id={ORDER_ID}&version={version}")
    for q in ("", "%20", "%0A"):
        yield Row("q", "GET", f"/dashboard/data/search?q={q}")
    for continuation in ("x", "MX4yMDI2", "%FF", "Mn4yMDI2", "x" * 5_000):
        yield Row("continuation", "GET", f"/dashboard/data/search?q=ada&continuation={continuation}")
    for switch in ("", "1", "True", "yes", "true,true"):
        yield Row("all", "GET", f"/orders/{ORDER_ID}/events?all={switch}")
    yield Row("two moments", "GET", f"/orders/{ORDER_ID}?atVersion=1&asOf=2026-11-23T12:00:00Z")
    for limit in ("0", "-1", "101", "1.5", "ten", "%D9%A1", "1,2", "9" * 400):
        yield Row("limit", "GET", f"/customers/ada/orders?limit={limit}")
    for continuation in ("x", "MX4yMDI2", "%FF", "e30=", "Mn4yMDI2", "MX4nIE9SIDE9MQ==", "x" * 5_000):
        yield Row("continuation", "GET", f"/customers/ada/orders?continuation={continuation}")


ROWS = [*whole_bodies(), *fields(), *ids(), *headers(), *queries()]


def _has_written(request: dict[str, Any]) -> bool:
    wrote = {"create", "upsert", "replace", "delete", "patch"} & {
        request["kind"],
        *map(str.lower, request["operations"]),
    }
    return bool(wrote) and request["status"] < 207


@dataclass(frozen=True)
class Service:
    session: aiohttp.ClientSession
    api: str
    cosmos: str

    async def writes(self) -> list[str]:
        """The containers that a transaction or a write has changed since `forget`."""
        async with self.session.get(f"{self.cosmos}/_devstack/requests") as response:
            requests = await response.json()
        return [each["container"] for each in requests if each["container"] != "leases" and _has_written(each)]

    async def forget(self) -> None:
        async with self.session.delete(f"{self.cosmos}/_devstack/requests"):
            pass

    async def send(self, row: Row) -> tuple[int, str, bytes]:
        async def chunks(data: bytes) -> AsyncIterator[bytes]:
            yield data

        url = URL(self.api + row.path, encoded=True)
        data: Any = chunks(row.data or b"") if row.chunked else row.data
        async with self.session.request(row.method, url, data=data, headers=list(row.headers)) as response:
            return response.status, response.content_type, await response.read()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("hostile"), instances=1) as stack:
        yield stack


@pytest.fixture
async def service(stack: Stack) -> AsyncIterator[Service]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Service(session, stack.api, stack.cosmos)


async def test_every_row_is_a_problem_and_writes_nothing(service: Service) -> None:
    """All rows in one test: they share one service, which has to survive them all."""
    await service.forget()
    failures: list[str] = []
    for row in ROWS:
        status, content_type, body = await service.send(row)
        if not 400 <= status < 500:
            failures.append(f"{row}: {status} {body[:200]!r}")
        elif content_type == "application/problem+json":
            told = json.loads(body)
            if {"type", "title", "status", "detail"} - set(told) or told["status"] != status:
                failures.append(f"{row}: {body[:200]!r} is no problem")
        elif not made_by_the_host(row):
            failures.append(f"{row}: {status} {content_type} {body[:200]!r} is not ours")
    assert [] == failures
    assert [] == await service.writes()
    placed, _, body = await service.send(Row("sound", "POST", "/orders", json.dumps(PLACE).encode()))
    assert 201 == placed, body


def made_by_the_host(row: Row) -> bool:
    """What never reaches a function: a request line or a path that the host cannot route."""
    return row.kind in ("id with 10 kB", "id with a bad escape", "continuation") or "%" in row.path


async def test_methods_and_paths_that_do_not_exist_are_404(service: Service) -> None:
    for method, path in (
        ("DELETE", "/orders"),
        ("PUT", f"/orders/{ORDER_ID}"),
        ("GET", "/nothing"),
        ("GET", "/orders"),
    ):
        status, _, _ = await service.send(Row("", method, path))
        assert 404 == status, (method, path)
