"""`operate cost`: what it makes of metrics and of a usage file, and what it says where there are none."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from emulators.traces.server import TracesServer
from operate import cost
from operate.costs.measured import begun, less, works
from operate.costs.usage import Usage, Work, read_usage, write_usage
from operate.failure import CommandFailed
from tests.operate.process import NOWHERE, ROOT, Ended, operate
from tests.operate.test_trace import SECOND, STORY, export, value

CHARGE = "azure.cosmosdb.client.operation.request_charge"
COMMANDS = "eventsourcing.command.duration"


def histogram(name: str, count: int, total: float, **attributes: str) -> Mapping[str, Any]:
    """A metric of OTLP; `__` stands for a dot in the name of an attribute."""
    point = {"count": str(count), "sum": total, "attributes": _attributes(attributes)}
    return {"name": name, "unit": "1", "histogram": {"dataPoints": [point], "aggregationTemporality": 2}}


def counter(name: str, total: int, **attributes: str) -> Mapping[str, Any]:
    point = {"asInt": str(total), "attributes": _attributes(attributes)}
    return {"name": name, "unit": "1", "sum": {"dataPoints": [point], "isMonotonic": True}}


def _attributes(known: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [{"key": name.replace("__", "."), "value": value(of)} for name, of in known.items()]


def of_a_host(orders: int) -> list[Mapping[str, Any]]:
    """What a process has measured of so many orders, and of one that was refused."""
    return [
        histogram(COMMANDS, orders, 0.1, command__type="PlaceOrder", command__outcome="done"),
        histogram(COMMANDS, 1, 0.1, command__type="PlaceOrder", command__outcome="refused"),
        histogram(CHARGE, orders, 6.29 * orders, work="command PlaceOrder", db__collection__name="events"),
        histogram(CHARGE, orders, 10.0 * orders, work="consumer sales@1", db__collection__name="sales"),
        histogram(CHARGE, orders, 5.0 * orders, work="consumer sales@2", db__collection__name="sales"),
        histogram(
            "http.server.request.duration", orders, 0.01 * orders,
            http__request__method="POST", http__route="/api/orders",
        ),
        histogram("eventsourcing.feed.attempt.duration", orders, 0.02 * orders, consumer__name="sales"),
        histogram("messaging.process.duration", orders, 0.03 * orders, messaging__destination__name="commands"),
        histogram("eventsourcing.timer.duration", 1, 0.01, timer__name="every minute"),
        counter(
            "messaging.client.sent.messages", 2 * orders,
            messaging__destination__name="events", work="consumer relay",
        ),
    ]  # fmt: skip


async def measured(url: str, *hosts: Sequence[Mapping[str, Any]]) -> None:
    sent = [
        {
            "resource": {"attributes": [{"key": "service.instance.id", "value": value(f"local-{number}")}]},
            "scopeMetrics": [{"metrics": metrics}],
        }
        for number, metrics in enumerate(hosts, 1)
    ]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/metrics", json={"resourceMetrics": sent}) as answer,
    ):
        assert 200 == answer.status


async def asked(*arguments: str, hosts: Sequence[Sequence[Mapping[str, Any]]] = ()) -> Ended:
    """What the command says of a receiver that these hosts have sent to."""
    async with TracesServer.start() as server:
        await export(server.url, STORY, SECOND)
        await measured(server.url, *hosts)
        return await operate("cost", *arguments, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)


class TestOfAStack:
    async def test_a_thousand_are_told_by_work_over_all_hosts_and_generations(self) -> None:
        ended = await asked("--json", hosts=[of_a_host(3), of_a_host(1)])
        told = json.loads(ended.out)
        assert (told["counted"], told["count"], told["per"]) == ("order", 4, 1000)
        rows = {row["work"]: row for row in told["works"]}
        assert rows["consumer sales"] == {
            "work": "consumer sales",
            "requests": 2000,
            "requestUnits": 15000,
            "operations": 0,
            "executions": 1000,
            "usd": pytest.approx(15000 * 0.25 / 1e6 + 1000 * 0.40 / 1e6),
            "gbSeconds": 2000,
            "usdOfTime": pytest.approx(2000 * 0.000026),
        }
        assert (rows["consumer relay"]["operations"], rows["consumer commands"]["operations"]) == (2000, 2000)
        assert rows["together"]["requestUnits"] == pytest.approx(6290 + 15000)

    async def test_as_a_table_the_dearest_is_first_and_the_sum_last(self) -> None:
        ended = await asked(hosts=[of_a_host(10)])
        head, rates, _, names, *rows = ended.out.splitlines()
        assert head.startswith("per 1,000 orders, as 10 of ")
        assert "list rates of 2024-07-01 to 2026-10-05" in rates
        assert names.split()[0] == "work"
        assert rows[0].startswith("consumer sales ")
        assert rows[-1].startswith("together ")

    async def test_where_none_was_begun_all_that_was_used_is_told(self) -> None:
        ended = await asked(hosts=[of_a_host(3)[2:]])
        assert ended.out.startswith("no order was begun: what was used in all")
        assert "18.9" in next(line for line in ended.out.splitlines() if line.startswith("command PlaceOrder"))

    async def test_it_is_kept_and_read_again(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept.json"
        saved = await asked("--save", str(kept), "--json", hosts=[of_a_host(4)])
        again = await operate("cost", "--usage", str(kept), "--json")
        assert json.loads(saved.out)["works"] == json.loads(again.out)["works"]
        usage = read_usage(kept)
        assert (usage.count, usage.spans) == (4, len(STORY) + len(SECOND))
        assert usage.span_bytes > 100 * usage.spans
        month = json.loads((await operate("cost", "--per-month", "1000", "--usage", str(kept), "--json")).out)
        assert month["perMonth"] == 1000

    async def test_without_metrics_it_says_what_to_do(self) -> None:
        ended = await asked()
        assert ended.status == 1
        assert "has no metrics of the functions yet: send the service something, and run this again" in ended.complaint

    async def test_without_a_stack_it_says_so(self) -> None:
        assert "no stack runs here" in (await operate("cost")).complaint
        ended = await operate("cost", OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
        assert f"nothing answers at {NOWHERE} (environment)" in ended.complaint


class TestOfAMonth:
    async def test_the_usage_of_the_project_is_taken(self) -> None:
        ended = await operate("cost", "--per-month", "1000000", "--peak-per-second", "20", "--json")
        told = json.loads(ended.out)
        usage = read_usage(ROOT / "usage.json")
        assert told["date"] == usage.date
        units = sum(work.request_units for name, work in usage.works.items() if not name.startswith("timer "))
        assert told["lines"][0]["quantity"] == pytest.approx(float(units / usage.count * 1_000_000), rel=0.01)
        assert told["lines"][-1]["usd"] == pytest.approx(sum(each["usd"] for each in told["lines"][:-1]))
        assert "autoscale up to 5,000 RU/s" in told["instead"][0]["what"]

    async def test_a_file_that_is_not_there_or_is_none_is_named(self, tmp_path: Path) -> None:
        missing = await operate("cost", "--per-month", "1", "--usage", str(tmp_path / "no.json"))
        assert f"there is no {tmp_path / 'no.json'}: run a load on a stack of `make run`" in missing.complaint
        (tmp_path / "broken.json").write_text('{"counted": "order"}', encoding="utf-8")
        broken = await operate("cost", "--usage", str(tmp_path / "broken.json"))
        assert "has no usage as `operate cost --save` writes it" in broken.complaint

    async def test_of_none_no_month_can_be_told(self, tmp_path: Path) -> None:
        write_usage(tmp_path / "none.json", Usage("order", 0, "2026-11-26", "a test", {}))
        ended = await operate("cost", "--per-month", "1", "--usage", str(tmp_path / "none.json"))
        assert "the usage is that of no order: measure some" == ended.complaint

    async def test_a_read_model_that_is_not_there_is_named(self) -> None:
        for name in ("sale", "relay"):
            ended = await operate("cost", "--per-month", "1", "--without", name)
            assert f"there is no read model {name} to leave out, only order-details, " in ended.complaint

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--save", "x.json", "--per-month", "1"),
            ("--save", "x.json", "--usage", "usage.json"),
            ("--per-month", "-1"),
            ("--sampled", "1.5"),
            ("--memory-mb", "1024"),
        ],
    )
    async def test_arguments_that_make_no_sense_are_bad(self, arguments: Sequence[str]) -> None:
        assert (await operate("cost", *arguments)).status == 2


class TestMeasured:
    def test_what_was_used_between_two_looks_is_the_difference(self) -> None:
        before = {"a": Work("http", 1, Decimal(1)), "b": Work(requests=3)}
        after = {"a": Work("http", 4, Decimal(3)), "b": Work(requests=3), "c": Work(messages_sent=2)}
        assert less(after, before) == {"a": Work("http", 3, Decimal(2)), "c": Work(messages_sent=2)}

    def test_other_metrics_are_nothing_here(self) -> None:
        assert works([{"name": "eventsourcing.group.size", "attributes": {}, "count": 1, "sum": 1.0}]) == {}
        assert begun([], "PlaceOrder") == 0

    def test_a_domain_that_counts_nothing_is_told_how(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from composition import tools

        monkeypatch.delattr(tools, "COUNTED")
        with pytest.raises(CommandFailed, match="does not say what is counted: add COUNTED"):
            cost.counted()
