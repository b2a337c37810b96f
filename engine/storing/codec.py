"""The event codec turns events into JSON data and back, strictly.

It knows the event types of this build. The schema of a type is one more than the number of its upcasters, each of which
turns the data of one schema into the data of the next.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.deciding.aggregate import Aggregate
from engine.storing.converter import Converter
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import RecordedEvent, StoredEvent

Data = Mapping[str, Any]
Upcaster = Callable[[Data], Data]


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type has a stored name, a class, and the upcasters that lift older schemas to the present one."""

    name: str
    event_class: type
    upcasters: tuple[Upcaster, ...] = ()

    @property
    def schema(self) -> int:
        return len(self.upcasters) + 1


class EventCodec:
    """Encodes and decodes the registered event types. Raises ValueError when a name or a class is registered twice."""

    def __init__(self, types: Iterable[EventType]) -> None:
        self._converter = Converter()
        self._readers: dict[tuple[str, int], Callable[[Data], Any]] = {}
        self._by_name: dict[str, EventType] = {}
        self._by_class: dict[type, EventType] = {}
        for event_type in types:
            if event_type.name in self._by_name or event_type.event_class in self._by_class:
                raise ValueError(f"{event_type.name} is registered twice, by its name or by its class")
            self._by_name[event_type.name] = event_type
            self._by_class[event_type.event_class] = event_type

    @classmethod
    def of(cls, aggregates: Iterable[Aggregate[Any, Any, Any]]) -> Self:
        """Creates the codec for all events of these aggregates."""
        return cls(
            EventType(name, event_class, aggregate.upcasters.get(event_class, ()))
            for aggregate in aggregates
            for name, event_class in aggregate.event_classes.items()
        )

    @property
    def types(self) -> Iterable[EventType]:
        return self._by_name.values()

    def encode(self, event: object) -> tuple[str, int, dict[str, Any]]:
        """Returns the stored name, the schema and the data of `event`. Raises KeyError for an unregistered class."""
        event_type = self._by_class[type(event)]
        return event_type.name, event_type.schema, self._converter.encode(event)

    def decode(self, stored: StoredEvent) -> RecordedEvent[Any]:
        """Returns the decoded event with its stream, version and time. Raises as `event_of` does."""
        return RecordedEvent(stored.stream_id, stored.version, self.event_of(stored), stored.metadata.occurred_at)

    def event_of(self, stored: StoredEvent) -> Any:
        """Returns the decoded event.

        Raises NewerEvent for a type or schema that this build does not know yet, UndecodableEvent for unreadable data.
        """
        read = self._readers.get((stored.type, stored.schema)) or self._new_reader(stored)
        try:
            return read(stored.data)
        except Exception as error:  # every error of an upcaster or a converter comes from the data
            reason = f"its data is no {stored.type} of schema {stored.schema}"
            raise UndecodableEvent(stored.stream_id, stored.version, reason) from error

    def _new_reader(self, stored: StoredEvent) -> Callable[[Data], Any]:
        event_type = self._by_name.get(stored.type)
        if event_type is None or stored.schema > event_type.schema:
            raise NewerEvent(stored.stream_id, stored.version, stored.type, stored.schema)
        read = self._converter.decoder(event_type.event_class)
        for upcast in reversed(event_type.upcasters[stored.schema - 1 :]):
            read = _after(upcast, read)
        self._readers[stored.type, stored.schema] = read
        return read


def _after(upcast: Upcaster, read: Callable[[Data], Any]) -> Callable[[Data], Any]:
    return lambda data: read(upcast(data))
