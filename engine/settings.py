"""The settings of the engine are read from the environment once, into a frozen value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self
from urllib.parse import urlsplit

_TIME_SPAN: Final = re.compile(r"([0-9]{2,4}):([0-5][0-9]):([0-5][0-9])")
_UNITS: Final = ("hours", "minutes", "seconds")
_SWITCH: Final = {"": False, "0": False, "1": True}

OperatorsSignIn = Literal["key", "easyauth"]
"""Operators sign in with the key of a function, or where platform authentication asks for it."""


class SettingsError(Exception):
    """Lists every setting that is missing or malformed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"settings: {'; '.join(problems)} (in the environment, or locally in local.settings.json)")
        self.problems = problems


@dataclass(frozen=True, slots=True, repr=False)
class CosmosConnection:
    """Says how to connect to Cosmos DB; `key` is None for identity-based connections.

    `repr` does not show it: keys never reach a log.
    """

    endpoint: str
    key: str | None
    client_id: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ServiceBusConnection:
    """Holds a connection string, or a namespace for identity-based connections. `repr` does not show it."""

    connection_string: str | None
    namespace: str = ""
    client_id: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class WebhookTarget:
    """Says where notifications go, and holds the secret that signs them. `repr` does not show it."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True, repr=False)
class TelemetrySettings:
    """Says what is exported: by OTLP, and to Azure Monitor by its connection string, which `repr` does not show."""

    otlp: bool
    azure_monitor: str | None


class SettingsReader:
    """Reads settings one by one and collects what is wrong with them; `check` raises all of it at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def check(self) -> None:
        """Raises SettingsError if anything that was read is missing or malformed."""
        if self._problems:
            raise SettingsError(self._problems)

    def text(self, name: str, meaning: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            self._problems.append(f"{name} is missing: {meaning}")
        return value

    def switch(self, name: str) -> bool:
        value = _SWITCH.get(self._environment.get(name, ""))
        if value is None:
            self._problems.append(f"{name} must be 0 or 1")
        return bool(value)

    def operators_sign_in(self) -> OperatorsSignIn:
        """Returns how operators sign in; by a key, if it is not set."""
        match self._environment.get("OPERATORS_SIGN_IN") or "key":
            case "key":
                return "key"
            case "easyauth" if self._environment.get("TRUST_EASYAUTH") == "1":
                return "easyauth"
            case "easyauth":
                self._problems.append("OPERATORS_SIGN_IN may be easyauth only where TRUST_EASYAUTH is 1")
            case _:
                self._problems.append("OPERATORS_SIGN_IN must be key or easyauth")
        return "key"

    def time_span(self, name: str, default: timedelta) -> timedelta:
        """Returns a span of at least one second, written as `hh:mm:ss`; `default` if it is not set."""
        text = self._environment.get(name, "")
        if not text:
            return default
        match = _TIME_SPAN.fullmatch(text)
        span = timedelta() if match is None else timedelta(**dict(zip(_UNITS, map(int, match.groups()), strict=True)))
        if not span:
            self._problems.append(f"{name} must be a time of at least one second as hh:mm:ss, such as 00:15:00")
        return span

    def moment(self, name: str) -> datetime | None:
        """Returns a date-time with a zone; None if it is not set."""
        text = self._environment.get(name, "")
        if not text:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            self._problems.append(f"{name} must be a date-time with a zone, such as 2026-11-25T18:00:00Z, or empty")
        return time

    def cosmos(self) -> CosmosConnection:
        """Returns the connection to Cosmos DB.

        A connection string wins over an endpoint, as it does in the Functions host.
        """
        text = self._environment.get("COSMOS", "")
        endpoint = self._environment.get("COSMOS__accountEndpoint", "")
        if text:
            parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
            connection = CosmosConnection(parts.get("AccountEndpoint", ""), parts.get("AccountKey") or None)
            if not connection.key or not _is_url(connection.endpoint):
                self._problems.append("COSMOS must be a connection string: AccountEndpoint=https://…;AccountKey=…;")
            return connection
        if not endpoint:
            self._problems.append("COSMOS is missing: a connection string, or COSMOS__accountEndpoint for an identity")
        elif not _is_url(endpoint):
            self._problems.append("COSMOS__accountEndpoint must be a URL such as https://….documents.azure.com:443/")
        return CosmosConnection(endpoint, None, self._environment.get("COSMOS__clientId"))

    def service_bus(self) -> ServiceBusConnection:
        """Returns the connection to Service Bus.

        A connection string wins over a namespace, as it does in the Functions host.
        """
        text = self._environment.get("SERVICEBUS", "")
        namespace = self._environment.get("SERVICEBUS__fullyQualifiedNamespace", "")
        if text:
            parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
            if not parts.get("Endpoint", "").startswith("sb://") or not parts.get("SharedAccessKey"):
                self._problems.append("SERVICEBUS must be a connection string: Endpoint=sb://…;SharedAccessKeyName=…;…")
            return ServiceBusConnection(text)
        if not namespace:
            self._problems.append(
                "SERVICEBUS is missing: a connection string, or SERVICEBUS__fullyQualifiedNamespace for an identity"
            )
        elif not re.fullmatch(r"[A-Za-z0-9.-]+", namespace):
            self._problems.append("SERVICEBUS__fullyQualifiedNamespace must be a name such as ….servicebus.windows.net")
        return ServiceBusConnection(None, namespace, self._environment.get("SERVICEBUS__clientId"))

    def notifications(self) -> WebhookTarget | None:
        """Returns the receiver of notifications; None if there is none, and no notification is sent."""
        url = self._environment.get("NOTIFICATIONS_WEBHOOK", "")
        secret = self._environment.get("NOTIFICATIONS_SECRET", "")
        if not url:
            return None
        if not _is_url(url):
            self._problems.append("NOTIFICATIONS_WEBHOOK must be a URL such as https://example.com/events, or empty")
        if not secret:
            self._problems.append("NOTIFICATIONS_SECRET is missing: it signs what is posted to NOTIFICATIONS_WEBHOOK")
        return WebhookTarget(url, secret)

    def telemetry(self) -> TelemetrySettings | None:
        """Returns what is exported; None if nothing is."""
        endpoint = self._environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        if endpoint and not _is_url(endpoint):
            self._problems.append("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4318, or empty")
        azure_monitor = self._environment.get("APPLICATIONINSIGHTS_CONNECTION_STRING") or None
        return TelemetrySettings(bool(endpoint), azure_monitor) if endpoint or azure_monitor else None


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Holds the settings of the engine. Before `relay_replay_until`, the relay sends events of any age."""

    cosmos: CosmosConnection
    cosmos_database: str
    service_bus: ServiceBusConnection
    trust_easyauth: bool
    operators_sign_in: OperatorsSignIn
    notifications: WebhookTarget | None
    relay_replay_until: datetime | None
    telemetry: TelemetrySettings | None

    @classmethod
    def read(cls, reader: SettingsReader) -> Self:
        """Reads the settings, which are valid once `reader.check()` has passed."""
        return cls(
            cosmos=reader.cosmos(),
            cosmos_database=reader.text("COSMOS_DATABASE", "the name of the database"),
            service_bus=reader.service_bus(),
            trust_easyauth=reader.switch("TRUST_EASYAUTH"),
            operators_sign_in=reader.operators_sign_in(),
            notifications=reader.notifications(),
            relay_replay_until=reader.moment("RELAY_REPLAY_UNTIL"),
            telemetry=reader.telemetry(),
        )


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
