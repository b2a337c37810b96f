"""`host.json`: what is read, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.host_json import HostConfig, HostJsonError, read_host_json
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
        "extensions": {"http": {"routePrefix": "v1/", "maxOutstandingRequests": 3, "maxConcurrentRequests": 2}},
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


@pytest.mark.verified("docs", feature="host.json")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"version": "2.0", "functionTimout": "00:05:00"}, "does not know functionTimout"),
        ({"version": "2.0", "extensions": {"http": {"prefix": "x"}}}, "extensions.http does not know prefix"),
        ({"version": "2.0", "retry": {}}, "use @app.retry"),
        ({"version": "2.0", "functionTimeout": "5 minutes"}, "functionTimeout"),
        ({"version": "2.0", "extensions": {"http": {"maxConcurrentRequests": 0}}}, "at least 1"),
        ({"version": "1.0"}, "version"),
        ([], "JSON object"),
    ],
)
def test_what_nobody_would_act_on_is_an_error_that_names_it(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(HostJsonError, match=complaint):
        config(tmp_path, content)


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
