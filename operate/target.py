"""A command says what it works on before it does, and never with a key."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from composition.settings import Settings
from engine.settings import EngineSettings
from operate.environment import Environment
from operate.failure import CommandFailed

Part = Literal["COSMOS", "SERVICEBUS"]


@dataclass(frozen=True, slots=True)
class Place:
    """Is connected to; `address` has its host, `source` says who named it."""

    name: str
    address: str
    source: str

    @property
    def is_here(self) -> bool:
        """Tells whether it is on this machine."""
        return is_here(self.address)


def places(known: Environment, parts: Sequence[Part]) -> Sequence[Place]:
    """Says where these settings lead. Raises SettingsError, and CommandFailed for a key or an address that is none."""
    try:
        engine = Settings.from_mapping(known.settings).engine
        return [_PLACES[part](engine, known.sources[part]) for part in parts]
    except ValueError as error:
        raise CommandFailed(f"{' or '.join(parts)} has an address that is none ({error}): copy it again") from error


def told(at: Sequence[Place]) -> str:
    """Names all of them in one line; who named them is said once where it is the same for all."""
    if len({place.source for place in at}) == 1:
        return f"{', '.join(place.name for place in at)} ({at[0].source})"
    return ", ".join(f"{place.name} ({place.source})" for place in at)


def doubt(at: Sequence[Place]) -> str | None:
    """Asks whether all of them belong to one service; None where nothing speaks against it."""
    if len({place.source for place in at}) == 1 or len({place.is_here for place in at}) == 1:
        return None
    here, away = (" and ".join(place.name for place in at if place.is_here is on) for on in (True, False))
    return f"{here} is on this machine and {away} is not: name both in the environment if they are of one service"


def is_here(address: str) -> bool:
    """Tells whether the host of a URL is this machine."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    return host in ("localhost", "::1") or host.endswith(".localhost") or _LOOPBACK.fullmatch(host) is not None


def bus_address(engine: EngineSettings) -> str:
    """Gives the URL of the namespace."""
    text = engine.service_bus.connection_string
    if text is None:
        return f"sb://{engine.service_bus.namespace}"
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    return parts.get("Endpoint", "").rstrip("/")


_LOOPBACK: Final = re.compile(r"127(?:\.\d{1,3}){3}")


def _cosmos(engine: EngineSettings, source: str) -> Place:
    endpoint = engine.cosmos.endpoint.rstrip("/")
    try:
        base64.b64decode(engine.cosmos.key or "", validate=True)
    except binascii.Error:
        # The SDK would stumble over it.
        raise CommandFailed(f"the AccountKey in COSMOS ({source}) is not base64: copy the whole of it again") from None
    return Place(f"Cosmos DB {endpoint} database {engine.cosmos_database}", endpoint, source)


def _bus(engine: EngineSettings, source: str) -> Place:
    address = bus_address(engine)
    return Place(f"Service Bus {urlsplit(address).netloc}", address, source)


_PLACES: Final = {"COSMOS": _cosmos, "SERVICEBUS": _bus}
