"""What the tests need of this service: its codecs, as `assemble` makes them, its projections, its bus."""

import json
from pathlib import Path
from typing import Final

from composition.domain import PROJECTIONS as ALL_PROJECTIONS
from composition.domain import TOPOLOGY
from domain.registry import AGGREGATES
from engine.messaging.emulator_config import emulator_config
from engine.messaging.wire import EnvelopeCodec
from engine.projecting.projection import Projection
from engine.storing.codec import EventCodec

CODEC: Final = EventCodec.of(AGGREGATES)
ENVELOPES: Final = EnvelopeCodec(AGGREGATES)
PROJECTIONS: Final = tuple(each for each in ALL_PROJECTIONS if isinstance(each, Projection))


def bus_config(folder: Path) -> Path:
    """A config file with the entities of the bus, for a local broker."""
    file = folder / "servicebus.json"
    file.write_text(json.dumps(emulator_config(TOPOLOGY)), encoding="utf-8")
    return file
