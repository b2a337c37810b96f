"""What the tests need of this service: its codecs, as `assemble` makes them, and its projections."""

from typing import Final

from composition.domain import READ_MODELS
from domain.registry import AGGREGATES
from engine.messaging.wire import EnvelopeCodec
from engine.storing.codec import EventCodec

CODEC: Final = EventCodec.of(AGGREGATES)
ENVELOPES: Final = EnvelopeCodec(AGGREGATES)
PROJECTIONS: Final = tuple(each.projection for each in READ_MODELS)
