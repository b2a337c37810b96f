"""The engine gets the toy domain from here: guests, their houses, and the process that greets them."""

from collections.abc import Mapping
from typing import Any, Final

from engine.assembly import Domain
from engine.deciding.aggregate import Aggregate, SnapshotFormat
from engine.deciding.decider import Decider
from engine.deciding.process import Process
from engine.messaging.wire import EnvelopeCodec
from engine.projecting.projection import Projection
from engine.projecting.registry import read_models
from engine.storing.codec import EventCodec
from tests.engine.toy import greeting, guest, house


def _destination_from_to(data: Mapping[str, Any]) -> Mapping[str, Any]:
    others = {key: value for key, value in data.items() if key != "to"}
    return {**others, "destination": data["to"]}


GUEST: Final[Aggregate[guest.GuestCommand, guest.GuestEvent, guest.GuestState]] = Aggregate(
    guest.CATEGORY,
    Decider(guest.INITIAL, guest.decide, guest.evolve),
    events=guest.GuestEvent,
    commands=guest.GuestCommand,
    upcasters={guest.GuestLeft: (_destination_from_to,)},
)
HOUSE: Final[Aggregate[house.HouseCommand, house.HouseEvent, house.HouseState]] = Aggregate(
    house.CATEGORY,
    Decider(house.INITIAL, house.decide, house.evolve),
    events=house.HouseEvent,
    commands=house.HouseCommand,
    snapshots=SnapshotFormat(house.FOLD, house.to_data, house.from_data),
)
GREETING: Final[Process[greeting.GreetingInput, greeting.GreetingEvent, bool]] = Process(
    aggregate=Aggregate(
        greeting.CATEGORY,
        Decider(False, greeting.react, lambda _state, _event: True),
        events=greeting.GreetingEvent,
        commands=greeting.Remind,
    ),
    inputs=guest.GuestInvited | guest.GuestLeft,
    correlation=lambda happened: str(happened.guest_id),
    issued=lambda event: event.issued,
)

READ_MODELS: Final = read_models("tests.engine.toy.read_models")
PROJECTIONS: Final = tuple(
    each for read_model in READ_MODELS for each in read_model.projections if isinstance(each, Projection)
)
DOMAIN: Final = Domain(
    (GUEST, HOUSE, GREETING.aggregate),
    (GREETING,),
    tuple(each for read_model in READ_MODELS for each in read_model.projections),
)
CODEC: Final = EventCodec.of(DOMAIN.aggregates)
ENVELOPES: Final = EnvelopeCodec(DOMAIN.aggregates)
