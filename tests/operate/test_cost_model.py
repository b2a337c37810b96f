"""What a month costs: rates by steps, instances that are shared, triggers where nothing comes, all of it together."""

import datetime
from decimal import Decimal

import msgspec
import pytest

from operate.costs.instances import SECONDS, Instances, Ran, alone, at_random, back_to_back
from operate.costs.months import (
    BUS,
    EXECUTIONS,
    OPERATIONS,
    POLLS,
    READY,
    SPANS,
    STORED,
    TIME,
    WORK,
    Month,
    Plan,
    month,
)
from operate.costs.tariff import Rate, Rates, Step, Tariff, tariff
from operate.costs.triggers import Feed, Triggers, triggers_of
from operate.costs.usage import Usage, Work

TARIFF = tariff()
RATES = TARIFF.rates


def rate(*steps: tuple[str, str], per: int = 1) -> Rate:
    made = tuple(Step(Decimal(above), Decimal(usd)) for above, usd in steps)
    return Rate("what", "unit", Decimal(per), made, "East US", datetime.date(2026, 10, 1), "https://example.org")


class TestRates:
    @pytest.mark.parametrize(
        ("units", "usd"), [("0", "0"), ("10", "0"), ("13", "0"), ("14", "0.8"), ("100", "69.6"), ("102", "70.6")]
    )
    def test_each_unit_is_paid_by_the_step_that_it_falls_into(self, units: str, usd: str) -> None:
        stepped = rate(("0", "0"), ("13", "0.8"), ("100", "0.5"))
        assert stepped.usd(Decimal(units)) == Decimal(usd)

    def test_it_is_told_for_so_many_units(self) -> None:
        assert rate(("0", "0.25"), per=1_000_000).usd(Decimal(4_000_000)) == 1

    def test_beyond_what_is_included_the_first_step_counts_that_costs(self) -> None:
        assert rate(("0", "0"), ("13", "0.8"), ("100", "0.5")).usd_beyond_included(Decimal(2)) == Decimal("1.6")


class TestTariff:
    @pytest.mark.parametrize("name", Rates.__struct_fields__)
    def test_every_rate_has_a_unit_a_source_and_a_day(self, name: str) -> None:
        found: Rate = getattr(RATES, name)
        assert all((found.what, found.unit, found.region))
        assert found.source.startswith("https://")
        assert datetime.date(2024, 1, 1) <= found.date <= datetime.date(2026, 12, 31)
        assert found.per > 0
        assert [step.above for step in found.steps] == sorted({step.above for step in found.steps})
        assert found.steps[0].above == 0

    def test_a_rate_without_a_source_or_with_a_word_too_many_is_refused(self) -> None:
        whole = msgspec.to_builtins(TARIFF, str_keys=True)
        for change in ({"source": None}, {"extra": 1}):
            telemetry = {**whole["rates"]["telemetry"], **change}
            broken = {**whole, "rates": {**whole["rates"], "telemetry": telemetry}}
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(broken, Tariff, strict=False)


class TestInstances:
    def test_an_execution_alone_is_billed_a_second_at_least_and_beyond_that_by_tenths(self) -> None:
        assert alone(Ran(Decimal(10), Decimal("0.2"))) == 10
        assert alone(Ran(Decimal(10), Decimal("12.1"))) == 13
        assert alone(Ran()) == 0

    def test_few_executions_are_as_if_each_were_alone_and_many_fill_the_month_once(self) -> None:
        few, many = Ran(Decimal(100), Decimal(1)), Ran(Decimal(100_000_000), Decimal(1_000_000))
        assert at_random(few) == pytest.approx(Decimal(100), rel=Decimal("0.0001"))
        assert at_random(many) == pytest.approx(SECONDS, rel=Decimal("0.0001"))

    @pytest.mark.parametrize("executions", [1, 1_000, 2_628_000, 10_000_000])
    def test_what_comes_at_random_lies_between_the_bounds(self, executions: int) -> None:
        ran = Ran(Decimal(executions), Decimal(executions) / 100)
        assert back_to_back(ran) <= at_random(ran) <= min(alone(ran), SECONDS)

    def test_one_execution_a_second_leaves_an_instance_idle_in_a_third_of_the_time(self) -> None:
        busy = at_random(Ran(SECONDS, SECONDS / 100)) / SECONDS
        assert busy == pytest.approx(Decimal("0.632"), abs=Decimal("0.001"))

    def test_where_one_instance_has_no_rest_there_are_more(self) -> None:
        assert at_random(Ran(SECONDS * 30, SECONDS * Decimal("2.5"))) > 2 * SECONDS

    def test_groups_share_no_instance_and_ready_ones_have_rates_of_their_own(self) -> None:
        a_million = Ran(Decimal(1_000_000), Decimal(1_000_000))
        shared = Instances({"a": a_million, "b": a_million}, {"http": a_million}, Decimal(2))
        assert shared.executions == 3_000_000
        assert shared.gb_seconds(alone) == 6_000_000
        assert shared.ready_gb_seconds == 2 * SECONDS
        assert shared.usd_of_executions(RATES) == Decimal("0.4") * (2 - Decimal("0.25")) + Decimal("0.4")
        assert shared.usd_of_time(RATES, alone) == Decimal("0.000026") * 3_900_000 + Decimal("0.000016") * 2_000_000


FEED = Feed("sales", poll=200, lease_acquisition=3_000, lease_renewal=6_000)


class TestTriggers:
    def test_a_feed_costs_its_polls_and_its_leases(self) -> None:
        assert FEED.request_units_per_second == pytest.approx(Decimal("8.1417"), abs=Decimal("0.0001"))

    def test_they_are_read_from_the_bindings(self) -> None:
        found = triggers_of(
            {
                "project_sales": [
                    {
                        "type": "cosmosDBTrigger",
                        "leaseContainerPrefix": "sales-",
                        "feedPollDelay": 200,
                        "leaseAcquireInterval": 3_000,
                        "leaseRenewInterval": 6_000,
                    }
                ],
                "every_minute": [{"type": "timerTrigger", "schedule": "0 * * * * *"}],
                "health": [{"type": "httpTrigger"}, {"type": "http"}],
            }
        )
        assert found == Triggers((FEED,), 24 * 60)

    @pytest.mark.parametrize(
        ("schedule", "a_day"),
        [
            ("0 * * * * *", 1440),
            ("*/15 * * * * *", 5760),
            ("0 0 4 * * *", 1),
            ("0 0,30 8-17 * * 1-5", 20),
            ("0 5/20 0-22/2 * * *", 36),
        ],
    )
    def test_a_timer_is_counted_by_its_schedule(self, schedule: str, a_day: int) -> None:
        found = triggers_of({"a_timer": [{"type": "timerTrigger", "schedule": schedule}]})
        assert found.timer_executions_a_day == a_day


WORKS = {
    "POST /api/orders": Work("http", 10, Decimal("0.1"), 10, Decimal(10)),
    "command PlaceOrder": Work(requests=10, request_units=Decimal(90)),
    "consumer sales": Work("feed", 20, Decimal("0.4"), 20, Decimal(300)),
    "consumer relay": Work("feed", 20, Decimal("0.4"), messages_sent=40),
    "consumer commands": Work("bus", 30, Decimal("0.6"), 30, Decimal(100)),
    "timer every minute": Work("timer", 2, Decimal("0.02")),
    "timer measure": Work(requests=2, request_units=Decimal(6)),
    "timer release newer": Work(requests=2, request_units=Decimal(2)),
}
USAGE = Usage("order", 10, "2026-11-26", "a test", WORKS, spans=100, span_bytes=100_000, stored_bytes=50_000)
TRIGGERS = Triggers((FEED, Feed("relay", 100, 3_000, 6_000)), 1440)
A_MILLION = Plan(1_000_000)


def costs(plan: Plan) -> Month:
    return month(USAGE, TRIGGERS, RATES, plan)


def quantities(plan: Plan) -> dict[str, Decimal]:
    return {line.what: line.quantity for line in costs(plan).lines}


class TestMonths:
    def test_each_line_has_what_a_million_use(self) -> None:
        found = quantities(A_MILLION)
        timers = 1440 * Decimal(730) / 24
        polls = sum(feed.request_units_per_second for feed in TRIGGERS.feeds)
        assert found[WORK] == 1_000_000 * 50 + timers * 4
        assert found[POLLS] == polls * SECONDS
        assert found[STORED] == 5
        assert found[OPERATIONS] == 1_000_000 * 10
        assert found[EXECUTIONS] == 1_000_000 * 8 + timers
        assert found[READY] == 2 * SECONDS
        assert found[SPANS] == 10

    def test_a_timer_that_was_not_measured_is_counted_all_the_same(self) -> None:
        unmeasured = Usage("order", 1, "2026-11-26", "a test", {"timer measure": Work(request_units=Decimal(1))})
        found = month(unmeasured, TRIGGERS, RATES, Plan(0)).lines
        assert next(line.quantity for line in found if line.what == EXECUTIONS) == 1440 * Decimal(730) / 24

    def test_where_nothing_comes_the_base_the_polls_and_what_is_ready_are_paid(self) -> None:
        found = {line.what for line in costs(Plan(0)).lines if line.usd > Decimal("0.5")}
        assert found == {POLLS, BUS, READY}

    def test_without_a_ready_instance_that_is_saved(self) -> None:
        assert quantities(Plan(0, ready="none"))[READY] == 0
        assert quantities(Plan(0, ready="all"))[READY] == 2 * SECONDS * 5

    def test_instances_have_as_much_memory_as_they_are_given(self) -> None:
        large, small = costs(A_MILLION), costs(Plan(1_000_000, memory_mb=512))
        time = [next(line.quantity for line in each.lines if line.what == TIME) for each in (large, small)]
        assert time[0] == 4 * time[1]

    def test_a_share_of_the_traces_is_a_share_of_their_data(self) -> None:
        assert quantities(Plan(1_000_000, sampled=Decimal("0.01")))[SPANS] == Decimal("0.1")

    def test_a_read_model_that_is_left_out_costs_neither_work_nor_polls(self) -> None:
        with_it, without = quantities(A_MILLION), quantities(Plan(1_000_000, without=frozenset({"sales"})))
        assert with_it[WORK] - without[WORK] == 1_000_000 * 30
        assert with_it[POLLS] - without[POLLS] == pytest.approx(FEED.request_units_per_second * SECONDS)
        assert with_it[EXECUTIONS] - without[EXECUTIONS] == 1_000_000 * 2

    def test_slower_polls_cost_less_and_leases_the_same(self) -> None:
        leases = (Decimal("3.81") / 3 + Decimal("11.23") / 6) * 2
        assert quantities(Plan(0, poll_ms=1000))[POLLS] == pytest.approx((2 + leases) * SECONDS)

    def test_autoscale_goes_by_thousands_to_what_the_peak_asks_for(self) -> None:
        autoscale = costs(Plan(1_000_000, Decimal(40))).instead[0]
        assert "up to 3,000 RU/s" in autoscale.what
        assert autoscale.most_usd == Decimal("0.012") * 30 * 730
        assert autoscale.least_usd == autoscale.most_usd / 10
        found = {line.what: line.usd for line in costs(A_MILLION).lines}
        assert autoscale.usd == found[WORK] + found[POLLS]

    def test_polls_keep_autoscale_above_a_tenth(self) -> None:
        many = Triggers(TRIGGERS.feeds * 10, 0)
        autoscale = month(USAGE, many, RATES, Plan(0)).instead[0]
        assert autoscale.least_usd > autoscale.most_usd / 10

    def test_the_time_of_the_functions_lies_between_its_bounds(self) -> None:
        time = costs(A_MILLION).instead[-1]
        assert time.least_usd < time.usd < time.most_usd

    def test_all_lines_make_the_sum(self) -> None:
        found = costs(A_MILLION)
        assert found.usd == sum(line.usd for line in found.lines)
