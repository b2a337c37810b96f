"""What a month costs: what each has used, and how many there are, in; lines in USD out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Final, Literal, NamedTuple

from operate.costs.instances import HOURS, SECONDS, Instances, Ran, alone, at_random, back_to_back
from operate.costs.tariff import Rates
from operate.costs.triggers import Feed, Triggers
from operate.costs.usage import ZERO, Usage, Work

_DAYS: Final = HOURS / 24
_GB: Final = Decimal(10**9)
MB_OF_A_GB: Final = 1024
"""Where GB-seconds are counted: https://learn.microsoft.com/azure/azure-functions/functions-consumption-costs."""

_PEAK_OVER_AVERAGE: Final = 10
_AUTOSCALE_BY: Final = 1000
_LEAST_OF_AUTOSCALE: Final = Decimal("0.1")
"""The maximum of autoscale goes by thousands of RU/s, and a tenth of it is always billed.

https://learn.microsoft.com/azure/cosmos-db/autoscale-faq
"""

_HTTP: Final = "http"
_TIMER: Final = "timer"

WORK: Final = "Cosmos DB, serverless: commands, read models, queries"
POLLS: Final = "Cosmos DB, serverless: polls of the feed, leases"
STORED: Final = "Cosmos DB: what a month adds, for a month"
BUS: Final = "Service Bus, Standard: base"
OPERATIONS: Final = "Service Bus, Standard: operations"
EXECUTIONS: Final = "Functions: executions"
TIME: Final = "Functions: execution time"
READY: Final = "Functions: always ready"
SPANS: Final = "Application Insights: spans"

Ready = Literal["none", "http", "all"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to come in a month, and how the service is set up.

    `ready` are the groups of functions of which one instance always runs, `sampled` is the share of the traces that are
    kept, `poll_ms` how long every function of the feed waits between two polls, in place of what `function_app.py`
    says, `without` names the read models that are left out.
    """

    count: int
    peak_per_second: Decimal | None = None
    ready: Ready = "http"
    memory_mb: int = 2048
    sampled: Decimal = Decimal(1)
    poll_ms: int | None = None
    without: frozenset[str] = frozenset()

    @property
    def per_second(self) -> Decimal:
        """Returns how many come in a second on the average."""
        return self.count / SECONDS

    @property
    def peak(self) -> Decimal:
        """Returns how many come in a second at the most: ten times the average where nobody says it."""
        return _PEAK_OVER_AVERAGE * self.per_second if self.peak_per_second is None else self.peak_per_second


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    quantity: Decimal
    unit: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Instead:
    """What lines that cost `usd` together may come to, or what may be chosen in their place."""

    what: str
    usd: Decimal
    least_usd: Decimal
    most_usd: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    lines: tuple[Line, ...]
    instead: tuple[Instead, ...]

    @property
    def usd(self) -> Decimal:
        return sum((line.usd for line in self.lines), ZERO)


def month(usage: Usage, triggers: Triggers, rates: Rates, plan: Plan) -> Month:
    """Returns what the plan costs where each of what is counted uses what it did when the usage was measured."""
    used = _used(usage, triggers, plan)
    return Month(_lines(used, rates), _instead(used, rates))


@dataclass(frozen=True, slots=True)
class _Used:
    """What a month uses."""

    request_units: Decimal
    polls_per_second: Decimal
    request_units_per_second: Decimal
    stored_gb: Decimal
    bus_operations: Decimal
    instances: Instances
    telemetry_gb: Decimal


class _Share(NamedTuple):
    """A month has so many times what was measured of the work."""

    name: str
    work: Work
    times: Decimal


def _used(usage: Usage, triggers: Triggers, plan: Plan) -> _Used:
    times = Decimal(plan.count) / usage.count
    shares = [*_shares(usage, triggers, plan, times)]
    polls = sum((each.request_units_per_second for each in _feeds(triggers, plan)), ZERO)
    units_of_all = sum((each.work.request_units for each in shares if not _is_timer(each.name)), ZERO)
    return _Used(
        request_units=sum((each.times * each.work.request_units for each in shares), ZERO),
        polls_per_second=polls,
        request_units_per_second=polls + plan.peak * units_of_all / usage.count,
        stored_gb=times * usage.stored_bytes / _GB,
        bus_operations=sum((each.times * each.work.bus_operations for each in shares), ZERO),
        instances=_instances(shares, plan),
        telemetry_gb=times * usage.span_bytes * plan.sampled / _GB,
    )


def _shares(usage: Usage, triggers: Triggers, plan: Plan, times: Decimal) -> Iterator[_Share]:
    """Timers run as often as they are due, whatever comes."""
    for name, work in usage.works.items():
        if not _is_timer(name) and name.removeprefix("consumer ") not in plan.without:
            yield _Share(name, work, times)
    timers = sum((work for name, work in usage.works.items() if _is_timer(name)), Work(_TIMER))
    if not timers.executions:
        timers += Work(executions=1)
    yield _Share(f"{_TIMER}s", timers, triggers.timer_executions_a_day * _DAYS / timers.executions)


def _feeds(triggers: Triggers, plan: Plan) -> Iterator[Feed]:
    for feed in triggers.feeds:
        if feed.consumer not in plan.without:
            yield feed if plan.poll_ms is None else replace(feed, poll=plan.poll_ms)


def _is_timer(name: str) -> bool:
    return name.startswith(_TIMER)


def _instances(shares: Iterable[_Share], plan: Plan) -> Instances:
    groups: defaultdict[str, Ran] = defaultdict(Ran)
    for name, work, times in shares:
        if work.trigger:
            group = _HTTP if work.trigger == _HTTP else name
            groups[group] += Ran(times * work.executions, times * work.execution_seconds)
    ready = {"none": set[str](), "http": {_HTTP}, "all": {_HTTP, *groups}}[plan.ready]
    return Instances(
        on_demand={name: ran for name, ran in groups.items() if name not in ready},
        ready={name: groups[name] for name in ready},
        memory_gb=Decimal(plan.memory_mb) / MB_OF_A_GB,
    )


def _lines(used: _Used, rates: Rates) -> tuple[Line, ...]:
    polls, instances = used.polls_per_second * SECONDS, used.instances
    return (
        Line(WORK, used.request_units, "RU", rates.request_units.usd(used.request_units)),
        Line(POLLS, polls, "RU", rates.request_units.usd(polls)),
        Line(STORED, used.stored_gb, "GB", rates.stored_data.usd(used.stored_gb)),
        Line(BUS, HOURS, "hours", rates.bus_hours.usd(HOURS)),
        Line(OPERATIONS, used.bus_operations, "operations", rates.bus_operations.usd(used.bus_operations)),
        Line(EXECUTIONS, instances.executions, "executions", instances.usd_of_executions(rates)),
        Line(TIME, instances.gb_seconds(at_random), "GB-s", instances.usd_of_time(rates, at_random)),
        Line(READY, instances.ready_gb_seconds, "GB-s", rates.ready_time.usd(instances.ready_gb_seconds)),
        Line(SPANS, used.telemetry_gb, "GB", rates.telemetry.usd(used.telemetry_gb)),
    )


def _instead(used: _Used, rates: Rates) -> tuple[Instead, ...]:
    usd = {line.what: line.usd for line in _lines(used, rates)}
    most = (used.request_units_per_second / _AUTOSCALE_BY).to_integral_value(ROUND_CEILING) * _AUTOSCALE_BY
    least = max(_LEAST_OF_AUTOSCALE * most, used.polls_per_second)
    premium = rates.bus_unit_hours.usd(HOURS)
    return (
        Instead(
            f"Cosmos DB with autoscale up to {most:,} RU/s, not serverless",
            usd[WORK] + usd[POLLS],
            rates.throughput.usd(least * HOURS),
            rates.throughput.usd(most * HOURS),
        ),
        Instead("Service Bus, Premium with one unit, not Standard", usd[BUS] + usd[OPERATIONS], premium, premium),
        Instead(
            f"{TIME}, back to back or each execution alone",
            usd[TIME],
            used.instances.usd_of_time(rates, back_to_back),
            used.instances.usd_of_time(rates, alone),
        ),
    )
