"""The event codec turns events into JSON data and back, strictly, with compiled converters.

It knows the event types of this build. The schema of a type is one more than the number of its upcasters, each of which
turns the data of one schema into the data of the next.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from types import UnionType
from typing import Any, Final, Literal, Self, get_args, get_origin

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from engine.deciding.aggregate import Aggregate
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import RecordedEvent, StoredEvent, time_at_rest, time_from_rest

LEFT_OUT_IF_DEFAULT: Final[Mapping[str, bool]] = {"omit_if_default": True}
"""Metadata of a field of a view that was added later: what has nothing to say in it stays as it was, to the byte."""

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
        self._converter = strict_converter()
        self._by_name: dict[str, EventType] = {}
        self._by_class: dict[type, EventType] = {}
        for event_type in types:
            if event_type.name in self._by_name or event_type.event_class in self._by_class:
                raise ValueError(f"{event_type.name} is registered twice, by its name or by its class")
            self._by_name[event_type.name] = event_type
            self._by_class[event_type.event_class] = event_type
        self._structure = {cls: self._converter.get_structure_hook(cls) for cls in self._by_class}
        self._unstructure = {cls: self._converter.get_unstructure_hook(cls) for cls in self._by_class}

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
        return event_type.name, event_type.schema, self._unstructure[type(event)](event)

    def decode(self, stored: StoredEvent) -> RecordedEvent[Any]:
        """Returns the decoded event with its stream, version and time. Raises as `event_of` does."""
        return RecordedEvent(stored.stream_id, stored.version, self.event_of(stored), stored.metadata.occurred_at)

    def event_of(self, stored: StoredEvent) -> Any:
        """Returns the decoded event.

        Raises NewerEvent for a type or schema that this build does not know yet, UndecodableEvent for unreadable data.
        """
        event_type = self._by_name.get(stored.type)
        if event_type is None or stored.schema > event_type.schema:
            raise NewerEvent(stored.stream_id, stored.version, stored.type, stored.schema)
        try:
            data = stored.data
            for upcast in event_type.upcasters[stored.schema - 1 :]:
                data = upcast(data)
            return self._structure[event_type.event_class](data, event_type.event_class)
        except Exception as error:  # every error of an upcaster or a converter comes from the data
            reason = f"its data is no {stored.type} of schema {stored.schema} ({type(error).__name__}: {error})"
            raise UndecodableEvent(stored.stream_id, stored.version, reason) from error


def strict_converter(*, unknown_keys: Literal["refused", "ignored"] = "refused") -> Converter:
    """Returns a converter with camelCase keys that coerces no value and refuses missing keys, and unknown ones.

    Times have their form at rest. A key may be missing only where the field of the dataclass has a default. The members
    of a union of dataclasses are told apart by the class name: `{"type": "DismissGuest", …its fields}`.
    """
    refused = unknown_keys == "refused"
    converter = Converter(forbid_extra_keys=refused, detailed_validation=False)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, _exactly(primitive))
    converter.register_structure_hook(datetime, lambda value, _: time_from_rest(value))
    converter.register_unstructure_hook(datetime, time_at_rest)
    converter.register_structure_hook_factory(_is_homogeneous_tuple, lambda cls: _tuple_hook(converter, cls))
    converter.register_structure_hook_factory(
        _is_dataclass,
        lambda cls: make_dict_structure_fn(
            cls, converter, _cattrs_forbid_extra_keys=refused, _cattrs_detailed_validation=False, **_camel_case(cls)
        ),
    )
    converter.register_unstructure_hook_factory(
        _is_dataclass, lambda cls: make_dict_unstructure_fn(cls, converter, **_camel_case(cls))
    )
    converter.register_structure_hook_factory(
        _is_union_of_dataclasses, lambda union: _tagged_structure_hook(converter, union)
    )
    converter.register_unstructure_hook_factory(
        _is_union_of_dataclasses, lambda union: _tagged_unstructure_hook(converter, union)
    )
    return converter


def _exactly(primitive: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        # isinstance would accept a bool as an int.
        if type(value) is not primitive:
            raise TypeError(f"expected {primitive.__name__}, got {type(value).__name__}")
        return value

    return structure


def _is_homogeneous_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple and get_args(cls)[1:] == (Ellipsis,)


def _tuple_hook(converter: Converter, cls: Any) -> Callable[[Any, Any], Any]:
    element: Final = get_args(cls)[0]
    structure_element = converter.get_structure_hook(element)

    def structure(value: Any, _: Any) -> Any:
        # Without this check, any iterable would pass, a string included.
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"expected a list, got {type(value).__name__}")
        return tuple([structure_element(each, element) for each in value])

    return structure


def _is_dataclass(cls: Any) -> bool:
    return is_dataclass(get_origin(cls) or cls)


def _is_union_of_dataclasses(cls: Any) -> bool:
    return isinstance(cls, UnionType) and all(is_dataclass(each) for each in get_args(cls))


def _tagged_structure_hook(converter: Converter, union: Any) -> Callable[[Any, Any], Any]:
    members: Final = {cls.__name__: (cls, converter.get_structure_hook(cls)) for cls in get_args(union)}

    def structure(value: Any, _: Any) -> Any:
        data = {**value}
        cls, structure_member = members[data.pop("type")]
        return structure_member(data, cls)

    return structure


def _tagged_unstructure_hook(converter: Converter, union: Any) -> Callable[[Any], dict[str, Any]]:
    members: Final = {cls: converter.get_unstructure_hook(cls) for cls in get_args(union)}
    return lambda value: {"type": type(value).__name__, **members[type(value)](value)}


def names_at_rest(cls: Any) -> frozenset[str]:
    """Returns the keys of the data of a dataclass."""
    return frozenset(each.rename for each in _camel_case(cls).values())


def _camel_case(cls: Any) -> dict[str, Any]:
    def camel(name: str) -> str:
        head, *tail = name.split("_")
        return head + "".join(part.capitalize() for part in tail)

    return {
        field.name: override(rename=camel(field.name), omit_if_default=field.metadata.get("omit_if_default", False))
        for field in fields(get_origin(cls) or cls)
    }
