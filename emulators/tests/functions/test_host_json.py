"""`host.json`: what is read, what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.host_json import HostConfig, HostJsonError, read_host_json
from emulators.functions.retry import RetryPolicy
from emulators.functions.timespans import parse_timespan


def config(folder: Path, content: Any, environment: dict[str, str] | None = None) -> HostConfig:
    (folder / "host.json").write_text(json.dumps(content), encoding="utf-8")
    return read_host_json(folder, environment or {})


@pytest.mark.verified("docs", feature="host.json")
def test_the_smallest_file_gives_the_defaults(tmp_path: Path) -> None:
    assert HostConfig(function_timeout=1800.0, route_prefix="api") == config(tmp_path, {"version": "2.0"})


@pytest.mark.verified("docs", feature="host.json")
def test_the_entries_that_this_host_acts_on_are_read(tmp_path: Path) -> None:
    content = {
        "version": "2.0",
        "functionTimeout": "00:05:00",
        "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
        "logging": {"logLevel": {"default": "Warning"}},
        "extensions": {"http": {"routePrefix": "v1", "maxOutstandingRequests": 3, "maxConcurrentRequests": 2}},
    }
    assert HostConfig(
        function_timeout=300.0,
        route_prefix="v1",
        max_concurrent_requests=2,
        max_outstanding_requests=3,
        log_levels={"default": "Warning"},
    ) == config(tmp_path, content)


@pytest.mark.verified("docs", feature="host.json")
def test_no_timeout_and_no_limits_are_minus_one(tmp_path: Path) -> None:
    content = {"version": "2.0", "functionTimeout": "-1", "extensions": {"http": {"maxConcurrentRequests": -1}}}
    read = config(tmp_path, content)
    assert (None, None) == (read.function_timeout, read.max_concurrent_requests)


@pytest.mark.verified("docs", feature="host.json overrides in the environment")
def test_the_environment_overrides_an_entry_whatever_its_case(tmp_path: Path) -> None:
    content = {"version": "2.0", "extensions": {"http": {"routePrefix": "v1"}}}
    environment = {
        "AzureFunctionsJobHost__extensions__HTTP__routeprefix": "v2",
        "AzureFunctionsJobHost__functionTimeout": "00:01:00",
    }
    read = config(tmp_path, content, environment)
    assert ("v2", 60.0) == (read.route_prefix, read.function_timeout)


def read(folder: Path, text: str, environment: dict[str, str] | None = None) -> HostConfig:
    (folder / "host.json").write_text(text, encoding="utf-8")
    return read_host_json(folder, environment or {})


@pytest.mark.verified("docs", feature="host.json: as people write it")
@pytest.mark.parametrize(
    "text",
    [
        '{"version": "2.0" /* of the file */, // not of the host\n "functionTimeout": "00:01:00",}',
        """{'version': '2.0', functionTimeout: '00:01:00'}""",
        '{"$schema": "https://json.schemastore.org/host.json", "version": "2.0", "FunctionTimeout": "00:01:00"}',
        '\ufeff{"version": "2.0", "functionTimeout": "00:01:00", "retry": null}',
    ],
)
def test_what_json_net_reads_is_read_without_a_word(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert (60.0, ()) == (found.function_timeout, found.warnings)


@pytest.mark.verified("docs", feature="host.json: as people write it")
def test_options_of_service_bus_of_other_times_are_read(tmp_path: Path) -> None:
    options = {"messageHandlerOptions": {"autoComplete": True, "maxConcurrentCalls": 1}}
    found = config(tmp_path, {"version": "2.0", "extensions": {"serviceBus": options}})
    assert (True, 1, ()) == (found.service_bus.auto_complete, found.service_bus.max_concurrent_calls, found.warnings)


@pytest.mark.verified("docs", feature="host.json: as people write it")
def test_an_empty_object_is_of_the_one_version(tmp_path: Path) -> None:
    assert HostConfig() == config(tmp_path, {})


@pytest.mark.verified("docs", feature="host.json: as people write it")
@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (
            {"functionTimout": "00:05:00"},
            "host.json: functionTimout is not known .* known one is functionTimeout",
        ),
        ({"extensions": {"http": {"routePrefx": "x"}}}, "extensions.http.routePrefx .* extensions.http.routePrefix"),
        ({"extensions": {"http": {"hsts": {"isEnabled": True}}}}, "extensions.http.hsts is for HTTPS alone"),
        ({"extensions": {"http": {"dynamicThrottlesEnabled": True}}}, "dynamicThrottlesEnabled is not supported here"),
        ({"extensions": {"http": []}}, "extensions.http is no object"),
        ({"http": {"routePrefix": ""}}, "http is read below extensions alone"),
        ({"anything": {"at": "all"}}, "anything is not known and is ignored$"),
    ],
)
def test_what_stops_no_host_is_told(tmp_path: Path, content: dict[str, Any], warning: str) -> None:
    found = config(tmp_path, {"version": "2.0", **content})
    assert HostConfig() == found
    (told,) = found.warnings
    assert re.search(warning, told)


@pytest.mark.verified("docs", feature="host.json: retry")
@pytest.mark.parametrize(
    ("retry", "policy"),
    [
        ({"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:03"}, RetryPolicy(2, 3.0, None)),
        (
            {
                "strategy": "exponentialBackoff",
                "maxRetryCount": -1,
                "minimumInterval": "00:00:01",
                "maximumInterval": "00:00:09",
            },
            RetryPolicy(-1, 1.0, 9.0),
        ),
    ],
)
def test_a_policy_for_all_functions_is_read(tmp_path: Path, retry: dict[str, Any], policy: RetryPolicy) -> None:
    assert policy == config(tmp_path, {"version": "2.0", "retry": retry}).retry


@pytest.mark.verified("docs", feature="host.json overrides in the environment")
def test_an_override_reaches_into_lists_and_ignores_the_case_of_its_prefix(tmp_path: Path) -> None:
    content = {"version": "2.0", "functions": ["a", "b"]}
    environment = {
        "AzureFunctionsJobHost__functions__1": "c",
        "azurefunctionsjobhost:extensions:http:routePrefix": "v2",
        "AzureFunctionsJobHost__version__x": "of no use",
    }
    found = config(tmp_path, content, environment)
    assert (("a", "c"), "v2") == (found.only_functions, found.route_prefix)


@pytest.mark.verified("docs", feature="host.json")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"version": "2.0", "retry": {"strategy": "fixedDelay"}}, "retry.maxRetryCount"),
        ({"version": "2.0", "retry": {"maxRetryCount": 1}}, "retry.strategy"),
        ({"version": "2.0", "retry": {"strategy": "fixedDelay", "maxRetryCount": 1}}, "retry: 'None' is not a time"),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "functionTimeout"),
        ({"version": "2.0", "extensions": {"http": {"maxConcurrentRequests": 0}}}, "at least 1"),
        ({"version": "1.0"}, "version"),
        ({"Version": "2.0"}, "version"),
        ([], "JSON object"),
    ],
)
def test_what_stops_the_real_host_is_an_error_that_names_it(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(HostJsonError, match=complaint):
        config(tmp_path, content)


@pytest.mark.verified("docs", feature="host.json")
@pytest.mark.parametrize(
    "text", ['{"version": }', "{", "version: 2.0", '{"version": "2.0" "a": 1}', "{ / }", "[" * 5000]
)
def test_what_is_no_json_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(HostJsonError, match="is not JSON"):
        read(tmp_path, text)


@pytest.mark.verified("docs", feature="host.json")
def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostJsonError, match="missing"):
        read_host_json(tmp_path, {})


@pytest.mark.verified("docs", feature="time spans")
@pytest.mark.parametrize(
    ("text", "seconds"), [("00:05:00", 300.0), ("1.00:00:01", 86401.0), ("00:00:00.5", 0.5), ("0:00:01", 1.0)]
)
def test_time_spans_of_dotnet_are_read(text: str, seconds: float) -> None:
    assert seconds == parse_timespan(text)


@pytest.mark.parametrize("text", ["", "5", "24:00:00", "00:60:00", "1 minute", "-00:00:01"])
@pytest.mark.verified("docs", feature="time spans")
def test_other_texts_are_no_time_spans(text: str) -> None:
    with pytest.raises(ValueError, match="time span"):
        parse_timespan(text)
