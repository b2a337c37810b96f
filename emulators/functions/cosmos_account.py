"""Which Cosmos DB account a connection setting names."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from emulators.functions.configuration import Configuration


class ConnectionStringError(ValueError):
    """A connection setting that this client cannot use; the message says what is missing."""


@dataclass(frozen=True)
class Account:
    """Where an account is and how to sign for it."""

    endpoint: str
    key: bytes
    verify_tls: bool = True

    @property
    def host(self) -> str:
        """The host name of the endpoint, without port: a part of every lease id."""
        return urlsplit(self.endpoint).hostname or ""


def account_of(connection: str, environment: Mapping[str, str]) -> Account:
    """The account behind the setting that a binding names as its connection.

    Raises ConnectionStringError for a missing setting, a malformed one, and for identity-based connections.
    """
    found = Configuration(environment).connection(connection, plain_first=False)
    if found is None:
        raise ConnectionStringError(
            f"Cosmos DB connection configuration '{connection}' does not exist. Make sure that it is a defined "
            "App Setting."
        )
    connection, text = found.name, found.value
    if text is None or not text.strip():
        if found.child("accountEndpoint"):
            raise ConnectionStringError(
                f"{connection}__accountEndpoint: identity-based connections are not supported by devstack; "
                f"set {connection} to a connection string"
            )
        raise ConnectionStringError(f"the setting {connection} must hold AccountEndpoint=…;AccountKey=…;")
    parts = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    if "AccountEndpoint" not in parts or "AccountKey" not in parts or not _is_endpoint(parts["AccountEndpoint"]):
        raise ConnectionStringError(f"the setting {connection} must hold AccountEndpoint=…;AccountKey=…;")
    try:
        key = base64.b64decode(parts["AccountKey"], validate=True)
    except binascii.Error as error:
        raise ConnectionStringError(f"the setting {connection} has an AccountKey that is not base64") from error
    verify = parts.get("DisableServerCertificateValidation", "false").lower() != "true"
    return Account(parts["AccountEndpoint"].rstrip("/"), key, verify)


def _is_endpoint(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False
