"""`host.json`: what it may say, and the part of it that this host acts on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulators.functions.lenient_json import parse_lenient
from emulators.functions.mcp.options import McpOptions, parse_mcp_options
from emulators.functions.retry import RetryPolicy
from emulators.functions.sections import Section, SectionError, Warn
from emulators.functions.servicebus.options import ServiceBusOptions, parse_service_bus_options
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
        "enableChunkedRequestBinding",
    }
)
# Sections of version 1 of the file, which a later host reads below `extensions` alone.
_MOVED = ("http", "queues", "serviceBus", "eventHub")
_OVERRIDE_PREFIX = re.compile(r"AzureFunctionsJobHost(?:__|:)(.+)", re.IGNORECASE)
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
    mcp: McpOptions = field(default_factory=McpOptions)
    retry: RetryPolicy | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)


def read_host_json(app_dir: Path, environment: Mapping[str, str]) -> HostConfig:
    """Read `host.json` under the overrides `AzureFunctionsJobHost__<path>` of the environment.

    Raises HostJsonError for what stops the real host. What that host ignores, and what this one does not do, is among
    the warnings.
    """
    path = app_dir / "host.json"
    if not path.exists():
        raise HostJsonError(f"{path} is missing; the smallest one is {{'version': '2.0'}}")
    try:
        content = parse_lenient(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise HostJsonError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise HostJsonError(f"{path} must hold a JSON object")
    # An empty file gets its version from the host.
    if content and content.get("version") != "2.0":
        raise HostJsonError(f"{path}: version must be '2.0'")
    for name, value in environment.items():
        if (override := _OVERRIDE_PREFIX.fullmatch(name)) is not None:
            _override(content, re.split("__|:", override[1]), value)
    warnings: list[str] = []
    try:
        return _parse(content, warnings)
    except SectionError as error:
        raise HostJsonError(f"{path}: {error}") from error


def _parse(content: dict[str, Any], warnings: list[str]) -> HostConfig:
    def warn(text: str) -> None:
        warnings.append(f"host.json: {text}")

    root = Section(content, "", warn)
    root.tell_unknown(_KNOWN_ROOTS)
    for name in _MOVED:
        if name in root:
            warn(f"{name} is read below extensions alone, and is ignored here")
    extensions = root.section("extensions")
    http = extensions.section("http")
    http.tell_unknown(_HTTP_FIELDS)
    _tell_unsupported(http, warn)
    # In this order: the warnings are complete before they are handed over.
    service_bus = parse_service_bus_options(extensions.section("serviceBus"))
    mcp = parse_mcp_options(extensions.section("mcp"))
    levels = root.section("logging").section("logLevel").values()
    headers = http.section("customHeaders").values()
    retry = _retry(root.section("retry"))
    return HostConfig(
        function_timeout=_timeout(root.get("functionTimeout")),
        route_prefix=str(http.get("routePrefix", "api")),
        max_concurrent_requests=_limit(http, "maxConcurrentRequests"),
        max_outstanding_requests=_limit(http, "maxOutstandingRequests"),
        custom_headers=headers,
        log_levels=levels,
        only_functions=tuple(root.texts("functions")),
        service_bus=service_bus,
        mcp=mcp,
        retry=retry,
        warnings=tuple(warnings),
    )


def _tell_unsupported(http: Section, warn: Warn) -> None:
    hsts = http.section("hsts")
    if str(hsts.get("isEnabled", False)).lower() == "true":
        warn(f"{http.where('hsts')} is for HTTPS alone, and is ignored here")
    for name in ("dynamicThrottlesEnabled", "enableChunkedRequestBinding"):
        if str(http.get(name, False)).lower() == "true":
            warn(f"{http.where(name)} is not supported here and is ignored")


def _retry(section: Section) -> RetryPolicy | None:
    """A policy for every function without one of its own."""
    if not section.values():
        return None
    try:
        count = int(str(section.get("maxRetryCount", "")))
    except ValueError as error:
        raise SectionError("retry.maxRetryCount must be a number") from error
    try:
        match str(section.get("strategy")).lower():
            case "fixeddelay":
                return RetryPolicy(count, parse_timespan(str(section.get("delayInterval"))), None)
            case "exponentialbackoff":
                low, high = str(section.get("minimumInterval")), str(section.get("maximumInterval"))
                return RetryPolicy(count, parse_timespan(low), parse_timespan(high))
    except ValueError as error:
        raise SectionError(f"retry: {error}") from error
    raise SectionError("retry.strategy must be fixedDelay or exponentialBackoff")


def _timeout(text: object) -> float | None:
    if text is None:
        return _DEFAULT_TIMEOUT_S
    if str(text) == "-1":
        return None
    try:
        return parse_timespan(str(text))
    except ValueError as error:
        raise SectionError(f"functionTimeout: {error}") from error


def _limit(http: Section, name: str) -> int | None:
    """Without a limit (-1) unless given: so is the default of the host on Linux."""
    try:
        limit = int(str(http.get(name, -1)))
    except ValueError as error:
        raise SectionError(f"{http.where(name)} must be a number") from error
    if limit < 1 and limit != -1:
        raise SectionError(f"{http.where(name)} must be at least 1, or -1 for no limit")
    return None if limit == -1 else limit


def _override(content: dict[str, Any], path: list[str], value: str) -> None:
    """Configuration keys of .NET ignore case: an override changes the entry that is spelt differently."""
    *parents, last = path
    for part in parents:
        name = _spelling(content, part)
        inner = content.get(name)
        if isinstance(inner, list):
            inner = {str(number): each for number, each in enumerate(inner)}
        # A plain value has nothing below it in the file; for .NET both can be.
        content[name] = inner if isinstance(inner, dict) else {}
        content = content[name]
    content[_spelling(content, last)] = value


def _spelling(content: dict[str, Any], name: str) -> str:
    return next((known for known in content if known.lower() == name.lower()), name)
