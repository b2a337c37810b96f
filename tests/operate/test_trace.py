"""`operate trace`: what it makes of spans, where it finds them, and what it says where there are none."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest

from emulators.traces.server import TracesServer
from emulators.traces.spans import Traces
from operate.failure import CommandFailed
from operate.traces import receiver
from operate.tree import OTHER as OTHER_REASON
from operate.tree import SCHEDULED, Wait, steps
from tests.operate.process import NOWHERE, operate
from tests.operate.test_output import on_a_terminal, plain

TRACE, OTHER = "a" * 32, "b" * 32
BEGAN = 1_700_000_000_000_000_000
CHARGE = "azure.cosmosdb.operation.request_charge"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
STACK: Mapping[str, Any] = {
    "running": True,
    "services": {"traces": {"pid": 1, "url": "http://localhost:14318"}},
    "settings": {},
    "elsewhere": {},
}


def value(of: object) -> Mapping[str, Any]:
    match of:
        case int():
            return {"intValue": str(of)}
        case float():
            return {"doubleValue": of}
    return {"stringValue": of}


def span(
    number: int, parent: int, name: str, at: int, took: int, kind: int = 1, /, *, status: int = 0,
    links: Sequence[tuple[str, int]] = (), trace: str = TRACE, **attributes: object,
) -> Mapping[str, Any]:  # fmt: skip
    """A span of OTLP, in milliseconds; `__` stands for a dot in the name of an attribute."""
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(BEGAN + at * 1_000_000),
        "endTimeUnixNano": str(BEGAN + (at + took) * 1_000_000),
        "status": {"code": status},
        "attributes": [
            {"key": CHARGE if key == "charge" else key.replace("__", "."), "value": value(of)}
            for key, of in attributes.items()
        ],
        "links": [{"traceId": of, "spanId": f"{span_id:016x}"} for of, span_id in links],
    }


CONSUMER, PRODUCER, CLIENT = 5, 4, 3
STORY = [
    span(1, 0, "POST /guests", 0, 20, http__response__status_code=201),
    span(2, 1, "handle InviteGuest", 5, 10, stream__id="order-7", stream__version=1, append__conflicts=2),
    span(3, 2, "execute_batch events", 6, 8, CLIENT, charge=6.25),
    span(4, 2, "send reactions", 115, 5, PRODUCER, messaging__message__id="m-1", stream__id="payment-7"),
    span(
        5, 2, "process reactions", 124, 50, CONSUMER, status=2, error__type="StoreUnavailable",
        messaging__message__id="m-1", messaging__servicebus__message__delivery_count=2, stream__id="payment-7",
    ),
    span(6, 5, "query_items events", 125, 2, CLIENT, db__response__status_code="429", charge=1.5),
    span(7, 2, "apply order-details@1", 2015, 4, CONSUMER, stream__id="order-7", stream__version="1"),
    span(
        8, 2, "send commands", 116, 4, PRODUCER,
        messaging__message__id="m-2", message__due="2023-11-14T22:13:50+00:00", stream__id="stock-mug",
    ),
]  # fmt: skip
SECOND = [
    span(11, 0, "POST /guests/{guestId}", 3000, 7, trace=OTHER, links=[(TRACE, 2)]),
    span(12, 11, "apply order-details@1", 3005, 1, CONSUMER, stream__id="order-7", trace=OTHER, links=[(TRACE, 2)]),
]
SHOWN = f"""\
POST /guests, trace {TRACE}
2023-11-14T22:13:20.000000Z, 2.019 s, 7.75 RU, 8 spans
        at       took      RU
    0.0 ms    20.0 ms    6.25  a  POST /guests  201
    5.0 ms    10.0 ms    6.25  a    handle InviteGuest  order-7  version 1  2 conflicts
                                      and POST /guests/{{guestId}}, in trace {OTHER}
                                      and apply order-details@1, in trace {OTHER}
    6.0 ms     8.0 ms    6.25  a      execute_batch events
                                      waiting 100.0 ms (poll of the feed)
  115.0 ms     5.0 ms          a      send reactions  payment-7
                                        waiting 4.0 ms (bus)
  124.0 ms    50.0 ms    1.50  b        process reactions  delivery 2  failed: StoreUnavailable
  125.0 ms     2.0 ms    1.50  b          query_items events  429
                                      waiting 101.0 ms (poll of the feed)
  116.0 ms     4.0 ms          a      send commands  stock-mug  for 2023-11-14T22:13:50+00:00
                                      waiting 2.000 s (poll of the feed)
   2.015 s     4.0 ms          a      apply order-details@1  version 1

POST /guests/{{guestId}}, trace {OTHER}
2023-11-14T22:13:23.000000Z, 7.0 ms, 0.00 RU, 2 spans
        at       took      RU
    0.0 ms     7.0 ms          a  POST /guests/{{guestId}}  carried out in trace {TRACE}
    5.0 ms     1.0 ms          a    apply order-details@1  order-7

2 traces, 7.75 RU; a is local-1, b is local-2
"""


async def export(url: str, *hosts: Sequence[Mapping[str, Any]]) -> None:
    """Sends the spans of one host after those of the other."""
    sent = [
        {
            "resource": {"attributes": [{"key": "service.instance.id", "value": value(f"local-{number}")}]},
            "scopeSpans": [{"spans": spans}],
        }
        for number, spans in enumerate(hosts, 1)
    ]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/traces", json={"resourceSpans": sent}) as answer,
    ):
        assert 200 == answer.status


@pytest.fixture
async def server() -> AsyncIterator[TracesServer]:
    async with TracesServer.start() as started:
        yield started


async def told(server: TracesServer) -> None:
    await export(server.url, [each for each in STORY if int(each["spanId"], 16) not in (5, 6)] + SECOND, STORY[4:6])


class TestTree:
    async def test_what_was_scheduled_waited_for_that(self, server: TracesServer) -> None:
        later = span(9, 2, "process commands", 30_020, 1, CONSUMER, messaging__message__id="m-2")
        await export(server.url, [*STORY, later])
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/traces/{TRACE}") as answer:
            found = {step.span["name"]: step for step in steps((await answer.json())["spans"])}

        assert Wait(29_900, SCHEDULED) == found["process commands"].waited
        assert found["send commands"].depth + 1 == found["process commands"].depth

    async def test_a_part_that_begins_late_waits_for_something_else_and_a_lost_parent_is_no_loss(
        self, server: TracesServer
    ) -> None:
        """Spans that never came leave the ones below of them at the root."""
        await export(server.url, [span(1, 99, "first", 0, 1), span(2, 1, "late", 5, 1), span(3, 98, "second", 2, 1)])
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/traces/{TRACE}") as answer:
            found = steps((await answer.json())["spans"])

        assert [("first", 0, None), ("late", 1, Wait(4, OTHER_REASON)), ("second", 0, None)] == [
            (step.span["name"], step.depth, step.waited) for step in found
        ]


class TestCommand:
    async def test_a_person_reads_what_followed_from_what_what_it_cost_and_where_it_waited(
        self, server: TracesServer
    ) -> None:
        await told(server)
        for asked in ("7", "order-7"):
            ended = await operate("trace", asked, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
            assert SHOWN.splitlines() == ended.out.splitlines()
            assert 0 == ended.status
            assert f"traces at {server.url} (environment)\n" == ended.err

    async def test_a_trace_is_shown_by_its_id(self, server: TracesServer) -> None:
        await told(server)
        ended = await operate("trace", OTHER.upper(), OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        assert ended.out.endswith("\n1 trace, 0.00 RU; a is local-1\n")

    async def test_a_program_reads_an_object_per_trace(self, server: TracesServer) -> None:
        await told(server)
        ended = await operate("trace", "7", "--json", OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        first, second = map(json.loads, ended.out.splitlines())
        assert (TRACE, OTHER) == (first["traceId"], second["traceId"])
        assert ("POST /guests", 2019, 7.75, ["local-1", "local-2"]) == tuple(
            first[name] for name in ("root", "durationMs", "requestUnits", "hosts")
        )
        (process,) = [step for step in first["steps"] if step["name"] == "process reactions"]
        assert (3, 124, 50, 4, "bus", 1.5, "local-2", "error") == tuple(
            process[name]
            for name in ("depth", "atMs", "durationMs", "waitedMs", "waitedFor", "requestUnits", "host", "status")
        )
        assert "m-1" == process["attributes"]["messaging.message.id"]

    async def test_a_terminal_shows_the_same_in_colours(
        self, server: TracesServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No line is folded: a terminal breaks it where it likes, and what is copied from there is whole."""
        await told(server)
        monkeypatch.setenv(ENDPOINT, server.url)
        shown = await asyncio.to_thread(on_a_terminal, "from operate.__main__ import main; main(['trace', '7'])", 60)
        assert SHOWN.splitlines() == [line for line in plain(shown).splitlines() if not line.startswith("traces at")]
        (failed,) = [line for line in shown.splitlines() if "failed:" in line]
        assert failed.startswith("\x1b[1;31m")

    async def test_a_name_moves_no_cursor(self, server: TracesServer) -> None:
        await export(server.url, [span(1, 0, "\x1b[2J", 0, 1)])
        assert "\x1b" not in (await operate("trace", TRACE, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)).out


class TestNoTrace:
    @pytest.mark.parametrize("asked", ["8", OTHER])
    async def test_it_says_why_and_what_to_do(self, server: TracesServer, asked: str) -> None:
        ended = await operate("trace", asked, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        assert (3, "") == (ended.status, ended.out)
        assert "the receiver has got none at all yet" in ended.complaint

        await export(server.url, STORY)
        ended = await operate("trace", asked, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        assert ended.complaint.startswith(
            f"there is no trace {'' if asked == OTHER else 'of '}{asked}: is the id whole?"
        )

    async def test_that_it_may_have_been_dropped_is_said(self) -> None:
        async with TracesServer.start(traces=Traces(spans=2)) as server:
            await export(server.url, STORY[:2])
            await export(server.url, SECOND)
            ended = await operate("trace", TRACE, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
        assert f"there is no trace {TRACE}: it may have been among the 1 that went to make room" in ended.complaint

    async def test_where_no_stack_runs_it_says_so(self) -> None:
        ended = await operate("trace", "7")
        assert "no stack runs here, and traces end with it: `make run` starts one" == ended.complaint

    async def test_where_nothing_answers_it_says_so(self) -> None:
        ended = await operate("trace", "7", OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
        assert f"nothing answers at {NOWHERE} (environment): `make run` starts a receiver of traces" == ended.complaint

    @pytest.mark.parametrize(("status", "text"), [(404, ""), (200, "<html>"), (200, "[]"), (200, "{}"), (500, "{}")])
    async def test_what_is_no_receiver_is_named(self, status: int, text: str) -> None:
        async def answer(_: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
            return aiohttp.web.Response(status=status, text=text, content_type="application/json")

        runner = aiohttp.web.ServerRunner(aiohttp.web.Server(answer))
        await runner.setup()
        try:
            site = aiohttp.web.TCPSite(runner, "localhost", 0)
            await site.start()
            url = f"http://localhost:{runner.addresses[0][1]}"
            ended = await operate("trace", "7", OTEL_EXPORTER_OTLP_ENDPOINT=url)
        finally:
            await runner.cleanup()
        assert f"what answers at {url} keeps no traces: is it a collector? Check {ENDPOINT}" == ended.complaint


class TestReceiver:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv(ENDPOINT, raising=False)
        return tmp_path

    def runs(self, root: Path, status: object) -> None:
        """Lets `devstack status --json` in this project say that."""
        (root / "devstack").mkdir(exist_ok=True)
        (root / "devstack" / "__main__.py").write_text(f"print({json.dumps(status)!r})\n", encoding="utf-8")

    def filed(self, root: Path, endpoint: str) -> None:
        content = json.dumps({"Values": {ENDPOINT: endpoint}})
        (root / "local.settings.json").write_text(content, encoding="utf-8")

    def test_it_is_that_of_the_stack_whatever_the_file_says(self, root: Path) -> None:
        self.filed(root, "http://localhost:1")
        self.runs(root, STACK)
        assert ("http://localhost:14318", "the stack that runs here") == self.found(root)

    def test_without_a_stack_it_is_that_of_the_file(self, root: Path) -> None:
        self.filed(root, "http://localhost:1/")
        assert ("http://localhost:1", "local.settings.json") == self.found(root)

    def test_the_environment_wins(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(ENDPOINT, "http://localhost:2")
        self.runs(root, STACK)
        assert ("http://localhost:2", "environment") == self.found(root)

    @pytest.mark.parametrize(
        ("elsewhere", "said"),
        [
            ("nowhere", f"telemetry is off: the stack that runs here was started with an empty {ENDPOINT}"),
            ("https://traces.example", "traces go to https://traces.example .the stack that runs here.: look there"),
        ],
    )
    def test_a_stack_whose_traces_go_elsewhere_says_where(self, root: Path, elsewhere: str, said: str) -> None:
        self.runs(root, {**STACK, "elsewhere": {ENDPOINT: elsewhere}})
        with pytest.raises(CommandFailed, match=said):
            receiver(root)

    def test_a_stack_that_has_none_yet_is_waited_for(self, root: Path) -> None:
        self.runs(root, {**STACK, "services": {}})
        with pytest.raises(CommandFailed, match="has no receiver of traces yet"):
            receiver(root)

    def found(self, root: Path) -> tuple[str, str]:
        place = receiver(root)
        return place.address, place.source
