"""OpenTelemetry's own Collector judges what is exported: it takes all of it, and what comes out is what was done.

What was done is known from elsewhere: the requests that Cosmos DB has served, the events that lie in the store, and the
requests that the client has sent. What spans tell, metrics count.
"""

import asyncio
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest

from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from engine.storing.events import StoredEvent
from engine.telemetry.instruments import (
    BATCH_SIZE,
    COMMAND_DURATION,
    CONFLICTS,
    GROUP_SIZE,
    INSTRUMENTS,
    LOADS,
    MESSAGE_DURATION,
    REQUEST_CHARGE,
    REQUEST_DURATION,
    START_DURATION,
    Instrument,
)
from tests.e2e.judge import judge_of
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually
from tests.e2e.telemetry.collector import Collector, NotHere, build, collector
from tests.e2e.telemetry.orders import shopper
from tests.e2e.telemetry.received import SOON, Point, Receiver, Span, receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

OPERATIONS: Final = {
    "batch": "execute_batch",
    "query": "query_items",
    "read": "read_item",
    "create": "create_item",
    "replace": "replace_item",
    "upsert": "upsert_item",
    "patch": "patch_item",
    "delete": "delete_item",
}
"""The local Cosmos DB's names of requests, and those of spans. Reads of the feed and of metadata are the host's too."""

TYPES: Final[Mapping[str, type]] = {
    "answer.type": str,
    "append.conflicts": int,
    "append.events": int,
    "azure.cosmosdb.operation.request_charge": float,
    "azure.cosmosdb.response.sub_status_code": int,
    "command.id": str,
    "command.source": str,
    "command.type": str,
    "consumer.name": str,
    "correlation.id": str,
    "db.collection.name": str,
    "db.operation.name": str,
    "db.response.status_code": str,
    "db.system.name": str,
    "group.size": int,
    "http.request.method": str,
    "http.response.status_code": int,
    "http.route": str,
    "message.due": str,
    "messaging.batch.message_count": int,
    "messaging.destination.name": str,
    "messaging.message.body.size": int,
    "messaging.message.id": str,
    "messaging.operation.type": str,
    "messaging.servicebus.message.delivery_count": int,
    "messaging.system": str,
    "stream.id": str,
    "stream.version": int,
}

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)

KINDS: Final = {
    **dict.fromkeys(("handle", "load", "release"), INTERNAL),
    **dict.fromkeys(("POST", "GET"), SERVER),
    **dict.fromkeys(("send",), PRODUCER),
    **dict.fromkeys(("process", "apply", "read"), CONSUMER),
}
"""By the first word of a span's name; what has none of these is a request to Cosmos DB."""

OF_THE_COLLECTOR: Final = {"job", "instance", "otel_scope_name", "otel_scope_schema_url", "otel_scope_version"}
"""The labels that say where a series is from."""

CUMULATIVE: Final = 2

UNTRACED: Final = "timer measure"
"""On behalf of this, requests are measured and have no spans."""


@dataclass(frozen=True)
class Judged:
    """What came out of the Collector, and what was done."""

    spans: Sequence[Span]
    points: Sequence[Point]
    shown: str
    requests: Counter[str]
    asked: Counter[str]
    events: Sequence[StoredEvent]

    @property
    def round_trips(self) -> Sequence[Span]:
        return [each for each in self.spans if "db.system.name" in each.attributes]

    @property
    def told(self) -> Mapping[Instrument, int]:
        """How often metrics were recorded, by the spans."""
        batches = [each for each in self.spans if "messaging.batch.message_count" in each.attributes]
        return {
            COMMAND_DURATION: self.count("handle").total(),
            LOADS: self.count("load").total(),
            BATCH_SIZE: len(batches),
            MESSAGE_DURATION: self.count("process").total() - len(batches),
            REQUEST_DURATION: len(self.round_trips),
            REQUEST_CHARGE: len(self.round_trips),
        }

    def count(self, *words: str) -> Counter[str]:
        """How many spans there are whose names begin with one of these words, by name."""
        return Counter(each.name for each in self.spans if each.name.split()[0] in words)

    def measured(self, instrument: Instrument, *labels: str, untraced: bool = True) -> Counter[str]:
        """What a histogram has counted at last, by some of its attributes; what no span tells is left out if asked."""
        latest = {
            (tuple(sorted(each.attributes.items())), each.resource["service.instance.id"]): each
            for each in self.points
            if each.name == instrument.name
        }
        counted = Counter[str]()
        for each in latest.values():
            if untraced or each.attributes.get("work") != UNTRACED:
                counted[" ".join(each.attributes.get(label, "") for label in labels).strip()] += int(
                    each.measured["count"]
                )
        return counted

    def recorded(self, instrument: Instrument) -> int:
        return self.measured(instrument, untraced=False).total()

    def served(self) -> Counter[str]:
        """What Cosmos DB was asked for, as `requests` has it."""
        measured = self.measured(REQUEST_DURATION, "db.operation.name", "db.collection.name")
        words = OPERATIONS.values()
        return Counter(
            {name: n for name, n in measured.items() if name.split()[0] in words and not name.endswith(" leases")}
        )

    def samples(self, instrument: Instrument) -> Sequence[tuple[Mapping[str, str], float]]:
        """What Prometheus is shown of each series: its labels, and its number."""
        suffix = "_count" if instrument.kind == "histogram" else ""
        lines = re.findall(rf"^{shown_name(instrument)}{suffix}\{{(.*)\}} (\S+)$", self.shown, re.MULTILINE)
        label = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
        return [(dict(label.findall(labels)), float(number)) for labels, number in lines]

    def total(self, instrument: Instrument) -> float:
        return sum(number for labels, number in self.samples(instrument) if labels.get("work") != UNTRACED)


def shown_name(instrument: Instrument) -> str:
    """How Prometheus names it."""
    unit = "_seconds" if instrument.unit == "s" else ""
    return instrument.name.replace(".", "_") + unit + ("_total" if instrument.kind == "counter" else "")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """An order on its way to its customer, and a request that is refused, over two hosts."""
    try:
        build()
    except NotHere as error:
        pytest.skip(str(error))
    data = tmp_path_factory.mktemp("service")
    with (
        receiver() as received,
        collector(received.url) as judge,
        parts(data, OTEL_EXPORTER_OTLP_ENDPOINT=judge.url, **SOON) as running,
    ):
        yield asyncio.run(_judged(running, received, judge))


async def _judged(running: Parts, received: Receiver, judge: Collector) -> Judged:
    async with shopper(running, "mug") as shop:
        order_id = await shop.has_an_order_shipped("k-1")
        await shop.is_refused(order_id)

        async def has_met_a_rival() -> bool:
            await shop.receives_at_both_hosts(8)
            return any(each.name == CONFLICTS.name for each in received.points())

        await eventually(True, has_met_a_rival)
        await shop.a_minute_passes()
    judged: list[Judged] = []

    async def what_differs() -> Mapping[str, object]:
        """Spans come a moment later, points another second later, and Prometheus is shown them after that."""
        judged[:] = [await asyncio.to_thread(_look, running, received, judge, shop.asked)]
        (now,) = judged
        counted = {each.name: (count, now.recorded(each), now.total(each)) for each, count in now.told.items()}
        found: dict[str, object] = {name: counts for name, counts in counted.items() if len(set(counts)) > 1}
        if now.requests != now.served():
            found["requests"] = (now.requests - now.served(), now.served() - now.requests)
        if missing := {each.name for each in INSTRUMENTS} - {each.name for each in now.points}:
            found["missing"] = missing
        return found

    await eventually({}, what_differs, within=60)
    async with judge_of(running) as store:
        streams = [await store.stream(each, order_id) for each in (ORDER, PAYMENT, FULFILMENT)]
        streams.append(await store.stream(STOCK, shop.sku))
    return replace(judged[0], events=[event for stream in streams for event in stream.stored])


def _look(running: Parts, received: Receiver, judge: Collector, asked: Counter[str]) -> Judged:
    requests, spans, points = _requests(running), received.spans(), received.points()
    with urllib.request.urlopen(judge.metrics, timeout=10) as answer:
        shown = answer.read().decode()
    return Judged(spans, points, shown, requests, asked, [])


def _requests(running: Parts) -> Counter[str]:
    """What Cosmos DB was asked for by the service, by the name of the span."""
    counted = Counter[str]()
    for each in running.control("cosmos", "requests/totals"):
        if each["kind"] in OPERATIONS and each["container"] != "leases":
            counted[f"{OPERATIONS[each['kind']]} {each['container']}"] += each["count"]
    return counted


def test_every_request_that_cosmos_db_has_served_is_measured_and_is_a_span(judged: Judged) -> None:
    """But those of the measurements of each minute, which would be most of what a service at rest exports."""
    assert judged.requests == judged.served()
    measured = judged.measured(REQUEST_DURATION, "db.operation.name", "db.collection.name", untraced=False)
    assert measured == Counter(each.name for each in judged.round_trips)
    assert judged.measured(REQUEST_DURATION, "work")[UNTRACED] > 0


def test_every_event_names_the_span_of_its_command(judged: Judged) -> None:
    spans = {(each.trace_id, each.span_id): each for each in judged.spans}
    assert len(judged.events) > 14
    for event in judged.events:
        _, trace_id, span_id, _ = event.metadata.traceparent.split("-")
        span = spans[trace_id, span_id]
        assert span.is_done
        assert (span.name.split()[0], span.attributes["stream.id"]) == ("handle", event.stream_id)
        assert span.attributes["command.id"] == event.command_id
        assert span.attributes["stream.version"] >= event.version


def test_every_request_of_the_client_is_a_span(judged: Judged) -> None:
    assert judged.asked == judged.count("POST", "GET")


def test_metrics_count_what_spans_tell(judged: Judged) -> None:
    handled = judged.count("handle")
    assert handled == Counter({f"handle {n}": c for n, c in judged.measured(COMMAND_DURATION, "command.type").items()})
    refused = sum("answer.type" in each.attributes for each in judged.spans)
    assert refused == judged.measured(COMMAND_DURATION, "command.outcome")["refused"] > 0
    processed = judged.measured(MESSAGE_DURATION, "messaging.destination.name")
    processed += judged.measured(BATCH_SIZE, "consumer.name")
    assert judged.count("process") == Counter({f"process {name}": count for name, count in processed.items()})
    assert judged.told == {each: judged.recorded(each) for each in judged.told}
    assert handled.total() >= judged.measured(GROUP_SIZE, "stream.category").total() > 0
    assert {"import": 2, "connect": 2} == judged.measured(START_DURATION, "start.part")


def test_an_attribute_is_of_one_type(judged: Judged) -> None:
    seen = {(name, type(value)) for each in judged.spans for name, value in each.attributes.items()}
    assert seen == set(TYPES.items())


def test_a_span_is_of_the_kind_that_the_conventions_ask_for(judged: Judged) -> None:
    for span in judged.spans:
        assert span.kind == KINDS.get(span.name.split()[0], CLIENT), span
    assert not [each for each in judged.spans if each.failed]


def test_every_parent_and_every_link_leads_to_a_span(judged: Judged) -> None:
    known = {(each.trace_id, each.span_id) for each in judged.spans}
    led_to = {(each.trace_id, each.parent_id) for each in judged.spans if each.parent_id}
    linked = {link for each in judged.spans for link in each.links}
    assert led_to <= known
    assert linked <= known
    for batch in (each for each in judged.spans if "messaging.batch.message_count" in each.attributes):
        # Events of one command have one span.
        assert 1 <= len(batch.links) <= batch.attributes["messaging.batch.message_count"]


def test_both_hosts_are_told_apart(judged: Judged) -> None:
    assert {"functions"} == {each.resource["service.name"] for each in judged.spans}
    instances = {each.resource["service.instance.id"] for each in judged.spans}
    assert 2 == len(instances)
    assert instances == {each.resource["service.instance.id"] for each in judged.points}


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_a_metric_is_what_it_is_defined_as(judged: Judged, instrument: Instrument) -> None:
    points = [each for each in judged.points if each.name == instrument.name]
    sent = {"counter": "sum", "histogram": "histogram", "gauge": "gauge"}[instrument.kind]
    temporality = None if instrument.kind == "gauge" else CUMULATIVE
    assert {(instrument.unit, sent, temporality)} == {(each.unit, each.kind, each.temporality) for each in points}
    assert {name for each in points for name in each.attributes} <= set(instrument.attributes)
    if instrument.kind == "histogram":
        assert {instrument.bounds} == {tuple(each.measured["explicitBounds"]) for each in points}
        assert judged.total(instrument) == judged.recorded(instrument)


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_prometheus_is_shown_each_metric_under_its_name_and_labels(judged: Judged, instrument: Instrument) -> None:
    assert f"# TYPE {shown_name(instrument)} {instrument.kind}\n" in judged.shown
    labels = {label for its_labels, _ in judged.samples(instrument) for label in its_labels}
    sent = {name for each in judged.points if each.name == instrument.name for name in each.attributes}
    assert {name.replace(".", "_") for name in sent} == labels - OF_THE_COLLECTOR
