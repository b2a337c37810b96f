"""What the tests need of this service: its codec, as `assemble` makes it, and its projections."""

from typing import Final

from composition.domain import READ_MODELS
from domain.registry import AGGREGATES
from engine.storing.codec import EventCodec

CODEC: Final = EventCodec.of(AGGREGATES)
PROJECTIONS: Final = tuple(projection for each in READ_MODELS for projection in each.projections)
