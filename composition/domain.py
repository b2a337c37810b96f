"""The engine gets this from the domain: aggregates and processes, read models, and the events to notify of."""

from typing import Final

from composition.settings import Settings
from domain.registry import AGGREGATES, NOTIFIED, processes
from engine.assembly import Domain
from engine.messaging.topology import Topology, topology
from engine.projecting.registry import read_models
from engine.storing.containers import Container, containers

READ_MODELS: Final = read_models("projections")
PROJECTIONS: Final = tuple(projection for each in READ_MODELS for projection in each.projections)
CONTAINERS: Final[tuple[Container, ...]] = containers(each.container for each in READ_MODELS)
_NAMES: Final = {event: name for each in AGGREGATES for name, event in each.event_classes.items()}
TOPOLOGY: Final[Topology] = topology(_NAMES[event] for event in NOTIFIED)


def domain_of(settings: Settings) -> Domain:
    """Returns the domain with the payment deadline of the settings."""
    return Domain(AGGREGATES, processes(int(settings.payment_deadline.total_seconds())), PROJECTIONS)
