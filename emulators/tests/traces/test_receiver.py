"""What is asked of the receiver, what it keeps, and what it refuses."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from emulators.traces.fields import Message
from emulators.traces.metrics import Metrics, series_of
from emulators.traces.server import TracesServer
from emulators.traces.spans import Traces, spans_of

JSON = {"Content-Type": "application/json"}
SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def text(key: str, value: str) -> Mapping[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def span(trace: int, number: int, parent: int = 0, **other: object) -> Mapping[str, Any]:
    return {
        "traceId": f"{trace:032X}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(NOW + trace * SECOND + number),
        "endTimeUnixNano": str(NOW + trace * SECOND + number + 2_000_000),
        **other,
    }


def request(*spans: Mapping[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


async def send(
    session: aiohttp.ClientSession, url: str, body: object, headers: Mapping[str, str] = JSON
) -> tuple[int, Any]:
    data = io.BytesIO(body) if isinstance(body, bytes) else json.dumps(body)
    async with session.post(url, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()


@pytest.mark.verified("docs", feature="Traces: newest first, found by attributes")
class TestTraces:
    async def test_a_trace_is_known_by_its_earliest_span_without_a_parent_here(
        self, server: TracesServer, session: aiohttp.ClientSession
    ) -> None:
        """The parent of a request that came with a trace of its own is elsewhere."""
        spans = [span(1, 3, 2, status={"code": 2}), span(1, 2, 99), span(2, 1)]
        assert (200, {}) == await send(session, f"{server.url}/v1/traces", request(*spans))

        newest, other = (await get(session, f"{server.url}/traces"))["traces"]
        assert ("span 1", f"{2:032x}", 1, 0) == tuple(newest[n] for n in ("root", "traceId", "spans", "errors"))
        assert ("span 2", f"{1:032x}", 2, 1) == tuple(other[name] for name in ("root", "traceId", "spans", "errors"))
        assert ("2023-11-14T22:13:21.000000Z", 2.0) == (other["begin"], other["durationMs"])

    async def test_an_attribute_may_have_one_of_several_values_and_all_attributes_count(
        self, server: TracesServer, session: aiohttp.ClientSession
    ) -> None:
        number = {"key": "n", "value": {"intValue": "7"}}
        spans = [
            span(1, 1, attributes=[text("stream.id", "a"), number]),
            span(2, 1, attributes=[text("stream.id", "b")]),
            span(3, 1, attributes=[text("stream.id", "c"), number]),
            span(4, 1),
        ]
        await send(session, f"{server.url}/v1/traces", request(*spans))

        async def found(query: str) -> list[int]:
            return [int(each["traceId"]) for each in (await get(session, f"{server.url}/traces?{query}"))["traces"]]

        assert [2, 1] == await found("stream.id=a&stream.id=b")
        assert [1] == await found("stream.id=a&stream.id=b&n=7")
        assert [4, 3] == await found("limit=2")
        assert [] == await found("stream.id=d")

    async def test_what_is_not_there_is_said(self, server: TracesServer, session: aiohttp.ClientSession) -> None:
        for path, status in (("traces/ab", 404), ("orders", 404), ("v1/traces", 405), ("traces?limit=x", 400)):
            async with session.get(f"{server.url}/{path}") as answer:
                assert status == answer.status
                assert (await answer.json())["message"]

    async def test_a_span_that_comes_again_is_one(self, server: TracesServer, session: aiohttp.ClientSession) -> None:
        """An exporter that saw no answer sends again."""
        for _ in range(2):
            await send(session, f"{server.url}/v1/traces", request(span(1, 1)))
        assert 1 == len((await get(session, f"{server.url}/traces/{1:032x}"))["spans"])


@pytest.mark.verified(
    "docs", feature="Memory: bounded; the oldest traces and series go, a trace that is too long is cut"
)
class TestBounds:
    def test_the_trace_that_got_none_for_longest_goes_whole(self) -> None:
        traces = Traces(spans=4)
        for trace, number in ((1, 1), (2, 1), (1, 2), (3, 1), (3, 2)):
            traces.add(spans(span(trace, number)), 10)
        assert [3, 1] == kept(traces)
        assert 1 == traces.dropped

    def test_a_span_that_comes_again_takes_no_room(self) -> None:
        traces = Traces(spans=2)
        for trace in (1, 1, 1, 2):
            traces.add(spans(span(trace, 1)), 10)
        assert [2, 1] == kept(traces)

    def test_bytes_count_too(self) -> None:
        traces = Traces(size=100)
        for trace in range(5):
            traces.add(spans(span(trace + 1, 1), span(trace + 1, 2)), 40)
        assert [5, 4] == kept(traces)
        traces.add(spans(span(9, 1)), 101)
        assert [] == kept(traces)

    async def test_of_a_trace_that_is_too_long_the_rest_is_turned_away_and_the_exporter_told(
        self, session: aiohttp.ClientSession
    ) -> None:
        async with TracesServer.start(traces=Traces(longest=2)) as server:
            sent = request(*(span(1, number) for number in range(1, 6)), span(2, 1))
            _, answer = await send(session, f"{server.url}/v1/traces", sent)
            assert "3" == answer["partialSuccess"]["rejectedSpans"]
            assert 2 == len((await get(session, f"{server.url}/traces"))["traces"])

    def test_series(self) -> None:
        metrics = Metrics(size=250)
        for name in "abac":
            points = {"dataPoints": [{"asInt": "1", "timeUnixNano": "5"}]}
            sent = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": name, "sum": points}]}]}]}
            metrics.add(list(series_of(Message(sent, "$"))))
        assert ["a", "c"] == [each["name"] for each in metrics.newest()]


def spans(*sent: Mapping[str, Any]) -> list[Any]:
    return list(spans_of(Message(request(*sent), "$")))


def kept(traces: Traces) -> list[int]:
    return [int(each["traceId"]) for each in traces.newest(100, {})]


def nested(depth: int) -> object:
    value: object = {"intValue": "1"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return request(span(1, 1, attributes=[{"key": "a", "value": value}]))


@pytest.mark.verified(
    "docs", feature="Requests that are malformed, too large or in protobuf are refused with what is wrong"
)
class TestHostile:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"", "no JSON"),
            (b"\xff\xfe{", "no JSON"),
            (b"{", "no JSON"),
            (b'{"resourceSpans": NaN}', "no JSON"),
            (b"9" * 5000, "no JSON"),
            (b"[]", "no object"),
            (b"null", "no object"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"a":' * 100_000, "nested too deeply"),
            ({"resourceSpans": {}}, "$.resourceSpans is not an array"),
            ({"resourceSpans": [1]}, "$.resourceSpans[0] is no object"),
            ({"resourceSpans": [{"resource": 3}]}, "$.resourceSpans[0].resource is not an object"),
            (request({}), ".traceId is no id of 32"),
            (request(span(0, 1)), ".traceId is no id of 32"),
            (request(span(1, 0)), ".spanId is no id of 16"),
            (request(span(1, 1, parentSpanId="1")), ".parentSpanId is no id of 16"),
            (request(span(1, 1, traceId=f"{1:032}\n")), ".traceId is no id of 32"),
            (request(span(1, 1, name=3)), ".name is not a text"),
            (request(span(1, 1, startTimeUnixNano="later")), ".startTimeUnixNano is no 64-bit integer"),
            (request(span(1, 1, startTimeUnixNano="9" * 30)), ".startTimeUnixNano is no 64-bit integer"),
            (request(span(1, 1, startTimeUnixNano=True)), ".startTimeUnixNano is no 64-bit integer"),
            (request(span(1, 1, kind="SPAN_KIND_CLIENT")), ".kind is no 64-bit integer"),
            (request(span(1, 1, attributes=[{"key": "a", "value": {"doubleValue": "much"}}])), "is no number"),
            (b'{"resourceSpans":[{"resource":{"attributes":[{"value":{"doubleValue":1e999}}]}}]}', "is no number"),
            (nested(20), "in more than 16 others"),
        ],
        ids=lambda each: repr(each)[:40],
    )
    async def test_what_is_no_otlp_is_a_400_that_says_what_is_wrong(
        self, server: TracesServer, session: aiohttp.ClientSession, body: object, said: str
    ) -> None:
        status, answer = await send(session, f"{server.url}/v1/traces", body)
        assert (400, 3) == (status, answer["code"])
        assert said in answer["message"]
        assert [] == (await get(session, f"{server.url}/traces"))["traces"]

    async def test_what_is_odd_is_taken(self, server: TracesServer, session: aiohttp.ClientSession) -> None:
        """Unknown fields are ignored, unknown numbers shown as they are; an end may come before its begin."""
        odd: dict[str, Any] = {
            "kind": 42,
            "status": {"code": 7},
            "startTimeUnixNano": 2**64 - 1,
            "endTimeUnixNano": 0,
            "later": {},
        }
        values = [{"key": "a", "value": {"doubleValue": "NaN"}}, {"key": "b"}, text("c", "\ud800")]
        assert 200 == (await send(session, f"{server.url}/v1/traces", request(span(1, 1, **odd, attributes=values))))[0]

        (found,) = (await get(session, f"{server.url}/traces/{1:032x}"))["spans"]
        assert ("42", "7", 0) == (found["kind"], found["status"], found["durationMs"])
        assert found["begin"].startswith("2554-07-21")
        assert {"a": "NaN", "b": None, "c": "\ud800"} == found["attributes"]

    async def test_protobuf_is_refused_with_the_way_out(
        self, server: TracesServer, session: aiohttp.ClientSession
    ) -> None:
        for path in ("traces", "metrics", "logs"):
            headers = {"Content-Type": "application/x-protobuf"}
            status, answer = await send(session, f"{server.url}/v1/{path}", b"\n\x00", headers)
            assert 415 == status
            assert "application/x-protobuf" in answer["message"]
            assert "opentelemetry-exporter-otlp-json-http" in answer["message"]

    @pytest.mark.parametrize(
        "body",
        [b"no gzip at all", gzip.compress(b"{}" * 100)[:-9], gzip.compress(b"{}")[:12]],
        ids=["none", "cut", "head"],
    )
    async def test_what_cannot_be_unpacked_is_refused(
        self, server: TracesServer, session: aiohttp.ClientSession, body: bytes
    ) -> None:
        headers = {**JSON, "Content-Encoding": "gzip"}
        assert 400 == (await send(session, f"{server.url}/v1/traces", body, headers))[0]

    async def test_a_packing_that_nobody_knows_is_refused(
        self, server: TracesServer, session: aiohttp.ClientSession
    ) -> None:
        headers = {**JSON, "Content-Encoding": "lzw"}
        assert 415 == (await send(session, f"{server.url}/v1/traces", b"{}", headers))[0]

    @pytest.mark.parametrize("packed", [True, False])
    async def test_a_body_that_is_too_large_is_refused_however_small_it_is_packed(
        self, server: TracesServer, session: aiohttp.ClientSession, packed: bool
    ) -> None:
        body = b" " * (17 << 20)
        body, headers = (zlib.compress(body), {**JSON, "Content-Encoding": "deflate"}) if packed else (body, JSON)
        assert 413 == (await send(session, f"{server.url}/v1/traces", body, headers))[0]

    async def test_metrics_and_logs_are_looked_at_too(
        self, server: TracesServer, session: aiohttp.ClientSession
    ) -> None:
        assert (200, {}) == await send(session, f"{server.url}/v1/logs", {"resourceLogs": [{}]})
        assert 400 == (await send(session, f"{server.url}/v1/logs", {"resourceLogs": 1}))[0]
        assert 400 == (await send(session, f"{server.url}/v1/metrics", {"resourceMetrics": [[]]}))[0]
