"""The REST interface as a whole: what every service has, and what this one adds."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from api.guests import GuestFunctions
from api.json_types import to_json
from domain.guest.aggregate import GUEST
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.triggers.http import HttpFunctions

_RESOURCES: Final[Mapping[str, str]] = {GUEST.category: "/api/guests/{}"}


@dataclass(frozen=True, slots=True)
class Interface:
    engine: HttpFunctions
    guests: GuestFunctions


def interface(
    services: Callable[[], Awaitable[Services]], read_models: Iterable[ReadModel], *, trust_easyauth: bool
) -> Interface:
    """`services` connects on first use."""
    http = HttpFunctions(services, read_models, to_json, _RESOURCES, trust_easyauth)
    return Interface(http, GuestFunctions(http))
