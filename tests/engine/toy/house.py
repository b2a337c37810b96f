"""A house has beds, and guests who have taken some of them. Its stream `house-<houseId>` grows long."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from engine.deciding.decider import DomainError

CATEGORY: Final = "house"
FOLD: Final = 1
_BYTES_PER_ENTRY: Final = 250


@dataclass(frozen=True, slots=True)
class BedsAdded:
    house_id: str
    count: int


@dataclass(frozen=True, slots=True)
class BedsTaken:
    house_id: str
    guest_id: str
    count: int


@dataclass(frozen=True, slots=True)
class BedsRefused:
    """Is the event of a refused `TakeBeds`; `free` is how many beds could have been taken instead."""

    house_id: str
    guest_id: str
    count: int
    free: int


@dataclass(frozen=True, slots=True)
class BedsReturned:
    house_id: str
    guest_id: str
    count: int


HouseEvent = BedsAdded | BedsTaken | BedsRefused | BedsReturned


@dataclass(frozen=True, slots=True)
class AddBeds:
    house_id: str
    count: int


@dataclass(frozen=True, slots=True)
class TakeBeds:
    """Takes `count` beds for the guest, all or none; if too few are free, the event is `BedsRefused`."""

    house_id: str
    guest_id: str
    count: int


@dataclass(frozen=True, slots=True)
class ReturnBeds:
    house_id: str
    guest_id: str


HouseCommand = AddBeds | TakeBeds | ReturnBeds


class InvalidCount(DomainError):
    def __init__(self) -> None:
        super().__init__("A count is at least one bed.")


class Taken(Mapping[str, int]):
    """Maps guests to their beds, and reports its own size, so that a cache can estimate it."""

    __slots__ = ("_beds",)

    def __init__(self, beds: Mapping[str, int] | None = None) -> None:
        self._beds = dict(beds or {})

    def __getitem__(self, guest_id: str) -> int:
        return self._beds[guest_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._beds)

    def __len__(self) -> int:
        return len(self._beds)

    def __sizeof__(self) -> int:
        return len(self._beds) * _BYTES_PER_ENTRY


@dataclass(frozen=True, slots=True)
class HouseState:
    beds: int = 0
    taken: Taken = field(default_factory=Taken)

    @property
    def free(self) -> int:
        return self.beds - sum(self.taken.values())


INITIAL: Final = HouseState()


def decide(command: HouseCommand, state: HouseState) -> tuple[HouseEvent, ...]:
    match command:
        case AddBeds():
            if command.count < 1:
                raise InvalidCount
            return (BedsAdded(command.house_id, command.count),)
        case TakeBeds():
            if command.count < 1:
                raise InvalidCount
            if command.guest_id in state.taken:
                return ()
            if command.count > state.free:
                return (BedsRefused(command.house_id, command.guest_id, command.count, state.free),)
            return (BedsTaken(command.house_id, command.guest_id, command.count),)
        case ReturnBeds():
            taken = state.taken.get(command.guest_id)
            return () if taken is None else (BedsReturned(command.house_id, command.guest_id, taken),)
        case _:
            assert_never(command)


def evolve(state: HouseState, event: HouseEvent) -> HouseState:
    match event:
        case BedsAdded():
            return HouseState(state.beds + event.count, state.taken)
        case BedsTaken():
            return HouseState(state.beds, Taken({**state.taken, event.guest_id: event.count}))
        case BedsRefused():
            return state
        case BedsReturned():
            others = {guest: count for guest, count in state.taken.items() if guest != event.guest_id}
            return HouseState(state.beds, Taken(others))
        case _:
            assert_never(event)


def to_data(state: HouseState) -> Mapping[str, Any]:
    return {"beds": state.beds, "taken": dict(state.taken)}


def from_data(data: Mapping[str, Any]) -> HouseState:
    return HouseState(data["beds"], Taken(data["taken"]))
