"""`extensions.serviceBus` of host.json: what is read, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.host_json import HostJsonError, read_host_json
from emulators.functions.servicebus.options import (
    RetryOptions,
    ServiceBusOptions,
    ServiceBusOptionsError,
    parse_service_bus_options,
)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_the_defaults_are_those_of_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert ServiceBusOptions(
        prefetch_count=0,
        auto_complete=True,
        max_lock_renewal=300.0,
        max_concurrent_calls=32,
        max_concurrent_sessions=8,
        max_calls_per_session=1,
        max_batch_size=1000,
        session_idle_timeout=None,
        retry=RetryOptions(exponential=True, try_timeout=60.0, delay=0.8, max_delay=60.0, max_retries=3),
    ) == parse_service_bus_options({})


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_every_option_is_read() -> None:
    section = {
        "prefetchCount": 2,
        "autoCompleteMessages": False,
        "maxAutoLockRenewalDuration": "00:02:00",
        "maxConcurrentCalls": 5,
        "maxConcurrentSessions": 64,
        "maxConcurrentCallsPerSession": 2,
        "maxMessageBatchSize": 10,
        "minMessageBatchSize": 1,
        "maxBatchWaitTime": "00:00:30",
        "sessionIdleTimeout": "00:00:01",
        "transportType": "amqpTcp",
        "enableCrossEntityTransactions": False,
        "clientRetryOptions": {
            "mode": "fixed",
            "tryTimeout": "00:00:10",
            "delay": "00:00:00.50",
            "maxDelay": "00:00:05",
            "maxRetries": 1,
        },
    }
    assert ServiceBusOptions(
        prefetch_count=2,
        auto_complete=False,
        max_lock_renewal=120.0,
        max_concurrent_calls=5,
        max_concurrent_sessions=64,
        max_calls_per_session=2,
        max_batch_size=10,
        session_idle_timeout=1.0,
        retry=RetryOptions(exponential=False, try_timeout=10.0, delay=0.5, max_delay=5.0, max_retries=1),
    ) == parse_service_bus_options(section)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_a_session_is_idle_for_the_try_timeout_unless_said_otherwise() -> None:
    assert 10.0 == parse_service_bus_options({"clientRetryOptions": {"tryTimeout": "00:00:10"}}).session_idle
    assert 1.0 == parse_service_bus_options({"sessionIdleTimeout": "00:00:01"}).session_idle


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_a_renewal_without_end_has_a_spelling_of_its_own() -> None:
    assert parse_service_bus_options({"maxAutoLockRenewalDuration": "-00:00:00.0010000"}).max_lock_renewal is None


@pytest.mark.verified("docs", feature="--hurry")
def test_hurry_divides_the_times_that_one_waits_through() -> None:
    hurried = ServiceBusOptions(session_idle_timeout=2.0).hurried(10)
    assert (0.2, 30.0, 0.08, 6.0) == (
        hurried.session_idle,
        hurried.max_lock_renewal,
        hurried.retry.delay,
        hurried.retry.max_delay,
    )


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"maxConcurrentSession": 1}, "does not know maxConcurrentSession .*maxConcurrentSessions"),
        ({"clientRetryOptions": {"retries": 1}}, "clientRetryOptions does not know retries"),
        ({"clientRetryOptions": []}, "clientRetryOptions must be a JSON object"),
        ({"sessionHandlerOptions": {}}, "extension 4; .* maxConcurrentSessions"),
        ({"messageHandlerOptions": {}}, "extension 4; .* maxConcurrentCalls"),
        ({"maxConcurrentCalls": 0}, "maxConcurrentCalls must be a number of at least 1"),
        ({"maxConcurrentSessions": "many"}, "maxConcurrentSessions must be a number"),
        ({"prefetchCount": True}, "prefetchCount must be a number"),
        ({"sessionIdleTimeout": "1s"}, "sessionIdleTimeout: '1s' is not a time span"),
        ({"sessionIdleTimeout": "00:00:00"}, "sessionIdleTimeout must be longer than zero"),
        ({"maxAutoLockRenewalDuration": 5}, "maxAutoLockRenewalDuration: '5' is not a time span"),
        ({"autoCompleteMessages": "yes"}, "autoCompleteMessages must be true or false"),
        ({"transportType": "amqpWebSockets"}, "transportType: 'amqpWebSockets' is not supported here"),
        ({"webProxy": "http://proxy"}, "webProxy is not supported here"),
        ({"enableCrossEntityTransactions": True}, "enableCrossEntityTransactions is not supported here"),
        ({"minMessageBatchSize": 2}, "minMessageBatchSize above 1 is not supported here"),
        ({"maxBatchWaitTime": "00:03:00"}, "maxBatchWaitTime must be at most 00:02:30"),
        ({"clientRetryOptions": {"mode": "linear"}}, "mode must be 'fixed' or 'exponential'"),
    ],
)
def test_what_nobody_would_act_on_is_an_error_that_names_it(section: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ServiceBusOptionsError, match=f"extensions.serviceBus.*{complaint}"):
        parse_service_bus_options(section)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_the_file_gives_the_options_and_its_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    section: dict[str, Any] = {"maxConcurrentSessions": 64}
    path.write_text(json.dumps({"version": "2.0", "extensions": {"serviceBus": section}}), encoding="utf-8")
    overrides = {"AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls": "3"}
    read = read_host_json(tmp_path, overrides).service_bus
    assert (64, 3) == (read.max_concurrent_sessions, read.max_concurrent_calls)
    section["sessions"] = 1
    path.write_text(json.dumps({"version": "2.0", "extensions": {"serviceBus": section}}), encoding="utf-8")
    with pytest.raises(HostJsonError, match=r"host.json: extensions.serviceBus does not know sessions"):
        read_host_json(tmp_path, {})
