"""What is handed to the engine of this domain: its streams and processes, its read models, what is notified."""

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


def domain_of(_settings: Settings) -> Domain:
    """The settings say nothing of it so far."""
    return Domain(AGGREGATES, processes(), PROJECTIONS)
