"""Retry policies: what is read from the decorator, how long the host waits."""

from typing import Any

import azure.functions as func
import pytest

from emulators.functions.retry import RetryPolicy, policy_from_settings
from emulators.tests.functions.apps import only_function

pytestmark = pytest.mark.usefixtures("engine")


def policy_of(**retry: Any) -> RetryPolicy | None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.retry(**retry)
    def tick(timer: func.TimerRequest) -> None: ...

    return only_function(app).retry


@pytest.mark.verified("trace", feature="Retry policies")
def test_the_decorators_policies_are_read() -> None:
    fixed = policy_of(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
    assert RetryPolicy(2, 1.0, None) == fixed
    endless = policy_of(
        strategy="exponential_backoff", max_retry_count="-1", minimum_interval="00:00:01", maximum_interval="00:01:00"
    )
    assert RetryPolicy(-1, 1.0, 60.0) == endless


@pytest.mark.verified("docs", feature="Retry policies")
def test_any_other_strategy_counts_as_exponential_as_in_the_worker_and_costs_the_app(engine: str) -> None:
    refusal = {"own": "minimum_interval", "official": 'unknown enum label "fixedDelay"'}[engine]
    with pytest.raises((TypeError, ValueError), match=refusal):
        policy_of(strategy="fixedDelay", max_retry_count="2", delay_interval="00:00:01")


@pytest.mark.verified("docs", feature="Retry policies")
@pytest.mark.differs(
    "An exponential policy without its intervals",
    own="costs the app",
    official="is one from 0 seconds to 2147483647",
    why="the newer worker",
)
def test_an_exponential_policy_may_have_intervals_by_default(engine: str) -> None:
    if engine == "own":
        with pytest.raises(TypeError, match="minimum_interval"):
            policy_of(strategy="exponential_backoff", max_retry_count="2")
    else:
        assert RetryPolicy(2, 0, 2147483647) == policy_of(strategy="exponential_backoff", max_retry_count="2")


@pytest.mark.verified("docs", feature="Retry policies")
def test_an_interval_must_have_three_parts() -> None:
    with pytest.raises(ValueError, match="does not match format"):
        policy_of(strategy="fixed_delay", max_retry_count="2", delay_interval="1")


@pytest.mark.verified("trace", feature="Retry policies")
def test_a_function_without_the_decorator_has_no_policy() -> None:
    assert policy_from_settings(None) is None


@pytest.mark.verified("trace", feature="Retry policies")
def test_a_finite_policy_allows_its_number_of_retries_and_an_endless_one_any() -> None:
    assert [True, True, False] == [RetryPolicy(2, 1.0, None).allows(number) for number in (1, 2, 3)]
    assert RetryPolicy(-1, 1.0, None).allows(1_000_000)


@pytest.mark.verified("trace", feature="Retry policies")
def test_exponential_waits_double_with_jitter_up_to_the_maximum() -> None:
    policy = RetryPolicy(-1, 1.0, 5.0)
    assert 1.0 == policy.delay(1)
    assert 1.8 <= policy.delay(2) <= 2.2
    assert 2.6 <= policy.delay(3) <= 3.4
    assert {5.0} == {policy.delay(number) for number in (5, 6, 10_000)}


@pytest.mark.verified("docs", feature="--hurry")
def test_a_hurried_policy_waits_a_fraction() -> None:
    assert RetryPolicy(3, 0.1, 6.0) == RetryPolicy(3, 1.0, 60.0).hurried(10)
