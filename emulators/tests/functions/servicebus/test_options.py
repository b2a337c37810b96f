"""`extensions.serviceBus` of host.json: what is read, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.host_json import HostJsonError, read_host_json
from emulators.functions.sections import Section, SectionError
from emulators.functions.servicebus.options import RetryOptions, ServiceBusOptions, parse_service_bus_options


def parsed(content: dict[str, Any], warnings: list[str] | None = None) -> ServiceBusOptions:
    said: list[str] = []
    options = parse_service_bus_options(Section(content, "extensions.serviceBus", said.append))
    if warnings is None:
        assert [] == said
    else:
        warnings += said
    return options


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
    ) == parsed({})


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
    ) == parsed(section)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_a_session_is_idle_for_the_try_timeout_unless_said_otherwise() -> None:
    assert 10.0 == parsed({"clientRetryOptions": {"tryTimeout": "00:00:10"}}).session_idle
    assert 1.0 == parsed({"sessionIdleTimeout": "00:00:01"}).session_idle


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_a_renewal_without_end_has_a_spelling_of_its_own() -> None:
    assert parsed({"maxAutoLockRenewalDuration": "-00:00:00.0010000"}).max_lock_renewal is None


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
def test_options_of_earlier_extensions_are_read_as_extension_5_reads_them() -> None:
    section: dict[str, Any] = {
        "messageHandlerOptions": {"autoComplete": False, "maxConcurrentCalls": 1, "maxAutoRenewDuration": "00:00:55"},
        "sessionHandlerOptions": {"autoComplete": True, "maxConcurrentSessions": 2, "messageWaitTime": "00:00:03"},
        "batchOptions": {"maxMessageCount": 4},
    }
    read = parsed(section)
    assert (False, 1, 55.0, 2, 3.0, 4) == (
        read.auto_complete,
        read.max_concurrent_calls,
        read.max_lock_renewal,
        read.max_concurrent_sessions,
        read.session_idle_timeout,
        read.max_batch_size,
    )
    today = parsed({**section, "autoCompleteMessages": True, "maxConcurrentCalls": 9})
    assert (True, 9) == (today.auto_complete, today.max_concurrent_calls)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_names_ignore_case_and_null_is_the_default() -> None:
    read = parsed({"MAXconcurrentCALLS": 3, "prefetchCount": None, "ClientRetryOptions": {"MaxRetries": 7}})
    assert (3, 0, 7) == (read.max_concurrent_calls, read.prefetch_count, read.retry.max_retries)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
@pytest.mark.parametrize(
    ("section", "warning"),
    [
        ({"maxConcurrentSession": 1}, "maxConcurrentSession is not known and is ignored; .*maxConcurrentSessions"),
        ({"autoComplete": True}, "autoComplete is not known and is ignored"),
        ({"clientRetryOptions": {"maxRetry": 1}}, "clientRetryOptions.maxRetry .*clientRetryOptions.maxRetries"),
        ({"clientRetryOptions": []}, "clientRetryOptions is no object"),
        (
            {"sessionHandlerOptions": {"messageWaitTimeout": "00:00:01"}},
            ".*Options.messageWaitTime",
        ),
        ({"batchOptions": {"operationTimeout": "00:00:01"}}, "batchOptions.operationTimeout is not known"),
        ({"transportType": "amqpWebSockets"}, "transportType: 'amqpWebSockets' is not supported here"),
        ({"webProxy": "http://proxy"}, "webProxy is not supported here"),
        ({"enableCrossEntityTransactions": True}, "enableCrossEntityTransactions is not supported here"),
        ({"minMessageBatchSize": 2}, "minMessageBatchSize above 1 is not supported here"),
    ],
)
def test_what_stops_no_host_is_told_with_the_nearest_known_name(section: dict[str, Any], warning: str) -> None:
    said: list[str] = []
    parsed(section, said)
    (told,) = said
    assert re.match(f"extensions.serviceBus.*{warning}", told)


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"maxConcurrentCalls": 0}, "maxConcurrentCalls must be a number of at least 1"),
        ({"messageHandlerOptions": {"maxConcurrentCalls": "x"}}, "messageHandlerOptions.maxConcurrentCalls must be a"),
        ({"maxConcurrentSessions": "many"}, "maxConcurrentSessions must be a number"),
        ({"prefetchCount": True}, "prefetchCount must be a number"),
        ({"sessionIdleTimeout": "1s"}, "sessionIdleTimeout: '1s' is not a time span"),
        ({"sessionIdleTimeout": "00:00:00"}, "sessionIdleTimeout must be longer than zero"),
        ({"maxAutoLockRenewalDuration": 5}, "maxAutoLockRenewalDuration: '5' is not a time span"),
        ({"autoCompleteMessages": "yes"}, "autoCompleteMessages must be true or false"),
        ({"transportType": "udp"}, "transportType must be"),
        ({"minMessageBatchSize": 20, "maxMessageBatchSize": 10}, "must be less than the maximum"),
        ({"maxBatchWaitTime": "00:03:00"}, "maxBatchWaitTime must be at most 00:02:30"),
        ({"clientRetryOptions": {"mode": "linear"}}, "mode must be 'fixed' or 'exponential'"),
    ],
)
def test_what_stops_the_real_host_is_an_error_that_names_it(section: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SectionError, match=f"extensions.serviceBus.*{complaint}"):
        parsed(section, [])


@pytest.mark.verified("docs", feature="host.json: extensions.serviceBus")
def test_the_file_gives_the_options_and_its_errors_name_it(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    section: dict[str, Any] = {"maxConcurrentSessions": 64}
    path.write_text(json.dumps({"version": "2.0", "extensions": {"serviceBus": section}}), encoding="utf-8")
    overrides = {"AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls": "3"}
    read = read_host_json(tmp_path, overrides).service_bus
    assert (64, 3) == (read.max_concurrent_sessions, read.max_concurrent_calls)
    section["prefetchCount"] = "none"
    path.write_text(json.dumps({"version": "2.0", "extensions": {"serviceBus": section}}), encoding="utf-8")
    with pytest.raises(HostJsonError, match=r"host.json: extensions.serviceBus.prefetchCount must be a number"):
        read_host_json(tmp_path, {})
