"""The toy domain as it is handed to the engine: guests, their houses, and the process that greets them."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from engine.assembly import Domain
from engine.deciding.aggregate import Aggregate
from engine.deciding.process import Process
from engine.messaging.envelope import EnvelopeCodec
from engine.projecting.registry import read_models
from engine.storing.codec import EventCodec
from tests.engine.toy import greeting, guest, house


def _by_name(union: Any) -> Mapping[str, type]:
    return {each.__name__: each for each in get_args(union)}


def _destination_from_to(data: Mapping[str, Any]) -> Mapping[str, Any]:
    others = {key: value for key, value in data.items() if key != "to"}
    return {**others, "destination": data["to"]}


GUEST: Final[Aggregate[guest.GuestCommand, guest.GuestEvent, guest.GuestState]] = Aggregate(
    guest.CATEGORY,
    guest.GUEST,
    _by_name(guest.GuestEvent),
    _by_name(guest.GuestCommand),
    upcasters={"GuestLeft": (_destination_from_to,)},
)
HOUSE: Final[Aggregate[house.HouseCommand, house.HouseEvent, house.HouseState]] = Aggregate(
    house.CATEGORY, house.HOUSE, _by_name(house.HouseEvent), _by_name(house.HouseCommand), snapshots=house.SNAPSHOTS
)
GREETING: Final[Process[greeting.GreetingInput, greeting.GreetingEvent, bool]] = Process(
    aggregate=Aggregate(
        greeting.CATEGORY, greeting.DECIDER, _by_name(greeting.GreetingEvent), {"Remind": greeting.Remind}
    ),
    correlation={
        guest.GuestInvited: lambda event: str(event.guest_id),
        guest.GuestLeft: lambda event: str(event.guest_id),
    },
    issued=lambda event: event.issued,
)

DOMAIN: Final = Domain((GUEST, HOUSE, GREETING.aggregate), (GREETING,))
READ_MODELS: Final = read_models("tests.engine.toy.read_models")
PROJECTIONS: Final = tuple(each.projection for each in READ_MODELS)
CODEC: Final = EventCodec.of(DOMAIN.aggregates)
ENVELOPES: Final = EnvelopeCodec(DOMAIN.aggregates)
