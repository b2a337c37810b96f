"""What the environment says, parsed once into a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

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


@dataclass(frozen=True, slots=True)
class Settings:
    cosmos: CosmosConnection
    cosmos_database: str
    trust_easyauth: bool

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings of local.settings.json.example. Raises SettingsError."""
        problems: list[str] = []
        cosmos = _cosmos(environment, problems)
        database = environment.get("COSMOS_DATABASE", "")
        if not database:
            problems.append("COSMOS_DATABASE is missing: the name of the database, such as orders")
        trust = _SWITCH.get(environment.get("TRUST_EASYAUTH", ""))
        if trust is None:
            problems.append("TRUST_EASYAUTH must be 0 or 1")
        if problems or cosmos is None or trust is None:
            raise SettingsError(problems)
        return cls(cosmos=cosmos, cosmos_database=database, trust_easyauth=trust)


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


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
