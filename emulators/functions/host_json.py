"""`host.json`: what it may say, and the part of it that this host acts on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulators.functions.servicebus.options import (
    ServiceBusOptions,
    ServiceBusOptionsError,
    parse_service_bus_options,
)
from emulators.functions.timespans import parse_timespan

# HostJsonFileConfigurationSource of the host, v4.
_KNOWN_ROOTS = frozenset(
    {
        "version",
        "functionTimeout",
        "retry",
        "functions",
        "http",
        "watchDirectories",
        "watchFiles",
        "queues",
        "serviceBus",
        "eventHub",
        "singleton",
        "logging",
        "aggregator",
        "healthMonitor",
        "extensionBundle",
        "managedDependencies",
        "customHandler",
        "extensions",
        "concurrency",
        "sendCanceledInvocationsToWorker",
        "metadataProviderTimeout",
        "telemetryMode",
    }
)
_HTTP_FIELDS = frozenset(
    {
        "routePrefix",
        "maxOutstandingRequests",
        "maxConcurrentRequests",
        "dynamicThrottlesEnabled",
        "hsts",
        "customHeaders",
    }
)
_OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
_DEFAULT_TIMEOUT_S = 30 * 60.0


class HostJsonError(Exception):
    """`host.json` cannot be used; the message names the entry."""


@dataclass(frozen=True)
class HostConfig:
    """The entries of `host.json` that change how this host behaves. Times are seconds."""

    function_timeout: float | None = _DEFAULT_TIMEOUT_S
    route_prefix: str = "api"
    max_concurrent_requests: int | None = None
    max_outstanding_requests: int | None = None
    custom_headers: Mapping[str, str] = field(default_factory=dict)
    log_levels: Mapping[str, str] = field(default_factory=dict)
    only_functions: tuple[str, ...] = ()
    service_bus: ServiceBusOptions = field(default_factory=ServiceBusOptions)


def read_host_json(app_dir: Path, environment: Mapping[str, str]) -> HostConfig:
    """Read `host.json` under the overrides `AzureFunctionsJobHost__<path>` of the environment.

    Raises HostJsonError for what the real host does not know and for what this one does not do.
    """
    path = app_dir / "host.json"
    if not path.exists():
        raise HostJsonError(f"{path} is missing; the smallest one is {{'version': '2.0'}}")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostJsonError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise HostJsonError(f"{path} must hold a JSON object")
    for name, value in environment.items():
        if name.startswith(_OVERRIDE_PREFIX):
            _override(content, name.removeprefix(_OVERRIDE_PREFIX).split("__"), value)
    try:
        return _parse(content)
    except HostJsonError as error:
        raise HostJsonError(f"{path}: {error}") from error


def _parse(content: dict[str, Any]) -> HostConfig:
    unknown = sorted(set(content) - _KNOWN_ROOTS)
    if unknown:
        raise HostJsonError(f"the host does not know {', '.join(unknown)}")
    if content.get("version") != "2.0":
        raise HostJsonError("version must be '2.0'")
    if "retry" in content:
        raise HostJsonError("a retry policy for all functions is not supported here; use @app.retry")
    http = _object(_object(content, "extensions"), "http")
    unknown = sorted(set(http) - _HTTP_FIELDS)
    if unknown:
        raise HostJsonError(f"extensions.http does not know {', '.join(unknown)}")
    if http.get("hsts"):
        raise HostJsonError("extensions.http.hsts is not supported here")
    levels = _object(_object(content, "logging"), "logLevel")
    try:
        service_bus = parse_service_bus_options(_object(_object(content, "extensions"), "serviceBus"))
    except ServiceBusOptionsError as error:
        raise HostJsonError(str(error)) from error
    return HostConfig(
        function_timeout=_timeout(content.get("functionTimeout")),
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        max_concurrent_requests=_limit(http, "maxConcurrentRequests"),
        max_outstanding_requests=_limit(http, "maxOutstandingRequests"),
        custom_headers={name: str(value) for name, value in _object(http, "customHeaders").items()},
        log_levels={name: str(level) for name, level in levels.items()},
        only_functions=tuple(content.get("functions", ())),
        service_bus=service_bus,
    )


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise HostJsonError(f"{name} must be a JSON object")
    return value


def _timeout(text: object) -> float | None:
    if text is None:
        return _DEFAULT_TIMEOUT_S
    if str(text) == "-1":
        return None
    try:
        return parse_timespan(str(text))
    except ValueError as error:
        raise HostJsonError(f"functionTimeout: {error}") from error


def _limit(http: dict[str, Any], name: str) -> int | None:
    """Without a limit (-1) unless given: so is the default of the host on Linux."""
    try:
        limit = int(http.get(name, -1))
    except (TypeError, ValueError) as error:
        raise HostJsonError(f"extensions.http.{name} must be a number") from error
    if limit < 1 and limit != -1:
        raise HostJsonError(f"extensions.http.{name} must be at least 1, or -1 for no limit")
    return None if limit == -1 else limit


def _override(content: dict[str, Any], path: list[str], value: str) -> None:
    """Configuration keys of .NET ignore case: an override changes the entry that is spelt differently."""
    *parents, last = path
    for part in parents:
        content = content.setdefault(_spelling(content, part), {})
        if not isinstance(content, dict):
            raise HostJsonError(f"{_OVERRIDE_PREFIX}{'__'.join(path)} goes through {part}, which is no object")
    content[_spelling(content, last)] = value


def _spelling(content: dict[str, Any], name: str) -> str:
    return next((known for known in content if known.lower() == name.lower()), name)
