"""Dataclasses become plain JSON data and come back, by functions that are compiled on first use.

msgspec checks what is read, in C, but renames keys and refuses unknown ones for its own structs alone. So each
dataclass has a struct as its twin: the data becomes twins, and the compiled function makes the dataclasses of them.
These know nothing of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from inspect import ismemberdescriptor
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import UNSET, convert, defstruct

from engine.storing.events import time_at_rest, time_from_rest

T = TypeVar("T")

Function = Callable[[Any], Any]

LEFT_OUT_IF_DEFAULT: Final[Mapping[str, bool]] = {"omit_if_default": True}
"""Metadata of a field of a view that was added later: what has nothing to say in it stays as it was, to the byte."""

_AS_IT_IS: Final = (str, int, bool, NoneType, Any)


class Converter:
    """Has camelCase keys, coerces no value, and refuses missing keys, and unknown ones unless they are ignored.

    Times have their form at rest. A key may be missing only where the field of the dataclass has a default. The members
    of a union of dataclasses are told apart by the class name: `{"type": "DismissGuest", …its fields}`. `encoders`
    write some classes in another form than that at rest.
    """

    def __init__(
        self,
        *,
        unknown_keys: Literal["refused", "ignored"] = "refused",
        encoders: Mapping[type, Function] = MappingProxyType({}),
    ) -> None:
        self._refuses_unknown_keys = unknown_keys == "refused"
        self._special = encoders
        self._decoders: dict[Any, Function] = {}
        self._encoders: dict[Any, Function] = {}

    def decode(self, data: Any, cls: type[T]) -> T:
        """Returns the instance of a dataclass. Raises ValidationError and ValueError for data that it cannot have."""
        decoded: T = self.decoder(cls)(data)
        return decoded

    def encode(self, value: Any) -> Any:
        """Returns the data of an instance of a dataclass."""
        return self.encoder(type(value))(value)

    def decoder(self, hint: Any) -> Function:
        """Returns what decodes a dataclass, raising as `decode`. Raises TypeError for a type with no form at rest."""
        if hint not in self._decoders:
            names = _Names(convert=convert, UNSET=UNSET, time_from_rest=time_from_rest)
            twin, made = self._read(hint, "twin", names)
            self._decoders[hint] = names.function(f"twin = convert(source, {names.name(twin)}); return {made}")
        return self._decoders[hint]

    def encoder(self, hint: Any) -> Function:
        """Returns what encodes a dataclass. Raises TypeError for a type with no form at rest."""
        if hint not in self._encoders:
            names = _Names(time_at_rest=time_at_rest)
            self._encoders[hint] = names.function(f"return {self._written(hint, 'source', names)}")
        return self._encoders[hint]

    def _read(self, hint: Any, source: str, names: "_Names", tag: str | None = None) -> tuple[Any, str]:
        """Returns the type of the twin, and the expression that makes of the twin called `source` what `hint` says."""
        if _is_data(hint):
            return hint, source
        if hint is datetime:
            return str, f"time_from_rest({source})"
        if is_dataclass(get_origin(hint) or hint):
            return self._read_fields(hint, source, names, tag)
        if _is_tuple(hint):
            twin, each = self._read(get_args(hint)[0], "each", names)
            made = source if each == "each" else f"tuple([{each} for each in {source}])"
            return tuple[twin, ...], made  # type: ignore[valid-type]  # a type that is made here
        if (member := _optional(hint)) is not None:
            twin, made = self._read(member, source, names)
            return twin | None, source if made == source else f"None if {source} is None else {made}"
        members = [self._read(member, "source", names, tag=member.__name__) for member in _members(hint)]
        by_twin = names.name({twin: names.function(f"return {made}") for twin, made in members})
        return Union[tuple(twin for twin, _ in members)], f"{by_twin}[type({source})]({source})"  # noqa: UP007

    def _read_fields(self, cls: Any, source: str, names: "_Names", tag: str | None) -> tuple[Any, str]:
        twins: list[tuple[Any, ...]] = []
        arguments = []
        for field, hint in fields_at_rest(cls):
            value = f"{source}.{field.name}"
            twin, made = self._read(hint, value, names)
            if (default := _default(field, names)) is not None:
                twins.append((field.name, twin, UNSET))
                made = f"{default} if {value} is UNSET else {made}"
            else:
                twins.append((field.name, twin))
            arguments.append(f"{field.name}={made}" if field.kw_only else made)
        struct = defstruct(
            cls.__name__,
            twins,
            kw_only=True,
            gc=False,
            rename=name_at_rest,
            forbid_unknown_fields=self._refuses_unknown_keys,
            tag=tag,
            tag_field=tag and "type",
        )
        return struct, f"{names.constructor(get_origin(cls) or cls)}({', '.join(arguments)})"

    def _written(self, hint: Any, source: str, names: "_Names") -> str:
        """Returns the expression that writes what is called `source`."""
        if hint in self._special:
            return f"{names.name(self._special[hint])}({source})"
        if _is_data(hint):
            return source
        if hint is datetime:
            return f"time_at_rest({source})"
        if is_dataclass(get_origin(hint) or hint):
            return f"{{{', '.join(self._written_fields(hint, source, names))}}}"
        if _is_tuple(hint):
            return f"[{self._written(get_args(hint)[0], 'each', names)} for each in {source}]"
        if (member := _optional(hint)) is not None:
            return f"None if {source} is None else {self._written(member, source, names)}"
        by_class = {}
        for member in _members(hint):
            entries = [f"'type': {member.__name__!r}", *self._written_fields(member, "source", names)]
            by_class[member] = names.function(f"return {{{', '.join(entries)}}}")
        return f"{names.name(by_class)}[type({source})]({source})"

    def _written_fields(self, cls: Any, source: str, names: "_Names") -> Iterator[str]:
        for field, hint in fields_at_rest(cls):
            value = f"{source}.{field.name}"
            entry = f"{name_at_rest(field.name)!r}: {self._written(hint, value, names)}"
            if field.metadata.get("omit_if_default"):
                entry = f"**({{}} if {value} == {_default(field, names)} else {{{entry}}})"
            yield entry


class _Names:
    """The names that compiled functions know, and the values behind them."""

    def __init__(self, **known: Any) -> None:
        self._values = known

    def name(self, value: Any) -> str:
        name = f"_{len(self._values)}"
        self._values[name] = value
        return name

    def function(self, body: str, parameters: str = "source") -> Function:
        """Returns a new function. It is made of names of ours, and of those of fields, which are identifiers."""
        exec(f"def function({parameters}): {body}", self._values)  # noqa: S102 - as dataclasses make their methods
        function: Function = self._values.pop("function")
        return function

    def constructor(self, cls: type) -> str:
        """Returns the name of a function that makes an instance of the values of all fields.

        A frozen dataclass sets each through `object.__setattr__`, and takes nearly twice as long as its slots do.
        """
        slots: dict[str, Any] = {field.name: getattr(cls, field.name, None) for field in fields(cls)}
        if hasattr(cls, "__post_init__") or not all(map(ismemberdescriptor, slots.values())):
            return self.name(cls)
        made = f"_made = {self.name(object.__new__)}({self.name(cls)})"
        sets = [f"{self.name(slot.__set__)}(_made, {name})" for name, slot in slots.items()]
        return self.name(self.function("; ".join([made, *sets, "return _made"]), ", ".join(slots)))


def names_at_rest(cls: Any) -> frozenset[str]:
    """Returns the keys of the data of a dataclass."""
    return frozenset(name_at_rest(field.name) for field in fields(cls))


def name_at_rest(name: str) -> str:
    """Returns the key of a field: `houseId` for `house_id`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def fields_at_rest(cls: Any) -> Iterator[tuple["Field[Any]", Any]]:
    """Yields the fields of a dataclass with their types, those of a generic one for its arguments."""
    origin = get_origin(cls) or cls
    hints = get_type_hints(origin)
    arguments = dict(zip(getattr(origin, "__parameters__", ()), get_args(cls), strict=False))
    for field in fields(origin):
        hint = hints[field.name]
        if parameters := getattr(hint, "__parameters__", ()):
            hint = hint[tuple(arguments[each] for each in parameters)]
        yield field, arguments.get(hint, hint)


def _default(field: "Field[Any]", names: _Names) -> str | None:
    """Returns the expression of the default of a field; None if it has none."""
    if field.default_factory is not MISSING:
        return f"{names.name(field.default_factory)}()"
    return None if field.default is MISSING else names.name(field.default)


def _is_data(hint: Any) -> bool:
    """Tells whether a type is JSON data as it is, and its values are kept as they are."""
    return hint in _AS_IT_IS or get_origin(hint) in (Literal, Mapping)


def _is_tuple(hint: Any) -> bool:
    return get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,)


def _optional(hint: Any) -> Any:
    """Returns `X` for `X | None`, and None for any other type."""
    members = [each for each in get_args(hint) if each is not NoneType] if _is_union(hint) else []
    return members[0] if len(members) == 1 else None


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _members(hint: Any) -> tuple[Any, ...]:
    """Returns the members of a union of dataclasses. Raises TypeError for any other type."""
    members = get_args(hint) if _is_union(hint) else ()
    if not members or not all(map(is_dataclass, members)):
        raise TypeError(f"{hint} has no form at rest")
    return members
