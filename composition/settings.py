"""What the environment says, parsed once into a frozen value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from urllib.parse import urlsplit

DEFAULT_PAYMENT_DEADLINE: Final = timedelta(minutes=15)

_TIME_SPAN: Final = re.compile(r"([0-9]{2,4}):([0-5][0-9]):([0-5][0-9])")
_UNITS: Final = ("hours", "minutes", "seconds")
_SWITCH: Final = {"": False, "0": False, "1": True}


class SettingsError(Exception):
    """Lists every setting that is missing or malformed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings: " + "; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, repr=False)
class CosmosConnection:
    """`key` is None for identity-based connections. Not shown by repr: keys never reach a log."""

    endpoint: str
    key: str | None
    client_id: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ServiceBusConnection:
    """A connection string, or a namespace for identity-based connections. Not shown by repr."""

    connection_string: str | None
    namespace: str = ""
    client_id: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """Where notifications go, and the secret that signs them. Not shown by repr."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Settings:
    """`relay_replay_until`: before this moment, the relay sends events of any age."""

    cosmos: CosmosConnection
    cosmos_database: str
    service_bus: ServiceBusConnection
    trust_easyauth: bool
    payment_deadline: timedelta
    notifications: Webhook | None
    relay_replay_until: datetime | None

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings of local.settings.json.example. Raises SettingsError."""
        problems: list[str] = []
        cosmos = _cosmos(environment, problems)
        database = environment.get("COSMOS_DATABASE", "")
        if not database:
            problems.append("COSMOS_DATABASE is missing: the name of the database, such as orders")
        service_bus = _service_bus(environment, problems)
        trust = _SWITCH.get(environment.get("TRUST_EASYAUTH", ""))
        if trust is None:
            problems.append("TRUST_EASYAUTH must be 0 or 1")
        payment_deadline = _payment_deadline(environment, problems)
        notifications = _notifications(environment, problems)
        replay_until = _replay_until(environment, problems)
        if problems or cosmos is None or service_bus is None or trust is None:
            raise SettingsError(problems)
        return cls(
            cosmos=cosmos,
            cosmos_database=database,
            service_bus=service_bus,
            trust_easyauth=trust,
            payment_deadline=payment_deadline,
            notifications=notifications,
            relay_replay_until=replay_until,
        )


def _cosmos(environment: Mapping[str, str], problems: list[str]) -> CosmosConnection | None:
    """A connection string wins over an endpoint, as it does in the Functions host."""
    text, endpoint = environment.get("COSMOS", ""), environment.get("COSMOS__accountEndpoint", "")
    if text:
        parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
        connection = CosmosConnection(parts.get("AccountEndpoint", ""), parts.get("AccountKey") or None)
        if not connection.key or not _is_url(connection.endpoint):
            problems.append("COSMOS must be a connection string: AccountEndpoint=https://…;AccountKey=…;")
            return None
        return connection
    if endpoint:
        if not _is_url(endpoint):
            problems.append("COSMOS__accountEndpoint must be a URL such as https://….documents.azure.com:443/")
            return None
        return CosmosConnection(endpoint, None, environment.get("COSMOS__clientId"))
    problems.append("COSMOS is missing: a connection string, or COSMOS__accountEndpoint for an identity")
    return None


def _service_bus(environment: Mapping[str, str], problems: list[str]) -> ServiceBusConnection | None:
    """A connection string wins over a namespace, as it does in the Functions host."""
    text, namespace = environment.get("SERVICEBUS", ""), environment.get("SERVICEBUS__fullyQualifiedNamespace", "")
    if text:
        parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
        if not parts.get("Endpoint", "").startswith("sb://") or not parts.get("SharedAccessKey"):
            problems.append("SERVICEBUS must be a connection string: Endpoint=sb://…;SharedAccessKeyName=…;…")
            return None
        return ServiceBusConnection(text)
    if namespace:
        if not re.fullmatch(r"[A-Za-z0-9.-]+", namespace):
            problems.append("SERVICEBUS__fullyQualifiedNamespace must be a name such as ….servicebus.windows.net")
            return None
        return ServiceBusConnection(None, namespace, environment.get("SERVICEBUS__clientId"))
    problems.append(
        "SERVICEBUS is missing: a connection string, or SERVICEBUS__fullyQualifiedNamespace for an identity"
    )
    return None


def _payment_deadline(environment: Mapping[str, str], problems: list[str]) -> timedelta:
    text = environment.get("PAYMENT_DEADLINE", "")
    if not text:
        return DEFAULT_PAYMENT_DEADLINE
    match = _TIME_SPAN.fullmatch(text)
    deadline = timedelta() if match is None else timedelta(**dict(zip(_UNITS, map(int, match.groups()), strict=True)))
    if not deadline:
        problems.append("PAYMENT_DEADLINE must be a time of at least one second as hh:mm:ss, such as 00:15:00")
    return deadline


def _notifications(environment: Mapping[str, str], problems: list[str]) -> Webhook | None:
    url, secret = environment.get("NOTIFICATIONS_WEBHOOK", ""), environment.get("NOTIFICATIONS_SECRET", "")
    if not url:
        return None
    if not _is_url(url):
        problems.append("NOTIFICATIONS_WEBHOOK must be a URL such as https://example.com/orders, or empty")
    if not secret:
        problems.append("NOTIFICATIONS_SECRET is missing: it signs what is posted to NOTIFICATIONS_WEBHOOK")
    return Webhook(url, secret)


def _replay_until(environment: Mapping[str, str], problems: list[str]) -> datetime | None:
    text = environment.get("RELAY_REPLAY_UNTIL", "")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        problems.append("RELAY_REPLAY_UNTIL must be a date-time with a zone, such as 2026-11-25T18:00:00Z, or empty")
    return time


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
