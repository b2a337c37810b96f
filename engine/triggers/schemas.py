"""`Schemas` describes what clients send and see as JSON Schema, from the very classes that check it and are shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pydantic import BaseModel

from engine.storing.converter import fields_at_rest, name_at_rest

Schema = dict[str, Any]

_PLAIN: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
    datetime: {"type": "string", "format": "date-time"},
}
_REFERENCE: Final = "#/components/schemas/"


class Schemas:
    """Names each class once, in `components`, and refers to it from wherever it occurs.

    Dataclasses are described as `Converter` writes them, typed dicts as they are. `shown_as` has the pydantic model
    that describes a class which clients see in another form than that at rest.
    """

    def __init__(self, shown_as: Mapping[type, type[BaseModel]]) -> None:
        self.components: dict[str, Schema] = {}
        self._shown_as = shown_as
        self._named: dict[str, Any] = {}

    def of(self, hint: Any) -> Schema:
        """Returns the schema of a type. Raises TypeError for one that has no form in JSON."""
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        origin, arguments = get_origin(hint) or hint, get_args(hint)
        if origin is NotRequired:
            return self.of(arguments[0])
        if origin is Annotated:
            return {**self.of(arguments[0]), "format": hint.__metadata__[0]}
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin in (Union, UnionType):
            return self._union(arguments)
        if hint in self._shown_as:
            return self.of(self._shown_as[hint])
        if is_typeddict(origin) or is_dataclass(origin):
            return self._class(origin.__name__, hint)
        if isinstance(origin, type) and issubclass(origin, BaseModel):
            return self._model(origin)
        raise TypeError(f"{hint} has no form in JSON")

    def component(self, name: str, properties: Mapping[str, Schema], required: Sequence[str] | None = None) -> Schema:
        """Returns a reference to an object that is named; all its properties are required unless others are given."""
        names = [*properties] if required is None else [*required]
        self.components[name] = {"type": "object", "properties": dict(properties), "required": names}
        return {"$ref": _REFERENCE + name}

    def properties(self, hint: Any) -> tuple[dict[str, Schema], list[str]]:
        """Returns the schemas of the properties of a dataclass or typed dict, and which of them are always there."""
        described = list(self._properties(hint))
        return {name: schema for name, schema, _ in described}, [name for name, _, always in described if always]

    def one_of(self, tag: str, by_value: Mapping[str, Schema]) -> Schema:
        """Returns the schema of one of these named objects, which the value of their property `tag` tells apart."""
        references = {value: schema["$ref"] for value, schema in by_value.items()}
        return {"oneOf": [*by_value.values()], "discriminator": {"propertyName": tag, "mapping": references}}

    def _properties(self, hint: Any) -> Iterator[tuple[str, Schema, bool]]:
        if is_typeddict(hint):
            for name, each in get_type_hints(hint, include_extras=True).items():
                yield name, self.of(each), name in hint.__required_keys__
            return
        for field, each in fields_at_rest(hint):
            yield name_at_rest(field.name), self.of(each), not field.metadata.get("omit_if_default")

    def _class(self, name: str, hint: Any, tag: Mapping[str, Schema] | None = None) -> Schema:
        if self._named.setdefault(name, hint) != hint:
            raise TypeError(f"{name} names both {hint} and {self._named[name]}")
        if name not in self.components:
            self.components[name] = {}  # what refers to itself finds it
            properties, required = self.properties(hint)
            self.component(name, {**(tag or {}), **properties}, [*(tag or {}), *required])
        return {"$ref": _REFERENCE + name}

    def _model(self, model: type[BaseModel]) -> Schema:
        schema = model.model_json_schema(ref_template=_REFERENCE + "{model}")
        self.components |= schema.pop("$defs", {})
        self.components[model.__name__] = schema
        return {"$ref": _REFERENCE + model.__name__}

    def _union(self, members: Sequence[Any]) -> Schema:
        others = [each for each in members if each is not NoneType]
        if len(others) == 1 or not all(map(is_dataclass, others)):
            return {"anyOf": [self.of(each) for each in members]}
        return self.one_of("type", {each.__name__: self._tagged(each) for each in others})

    def _tagged(self, cls: type) -> Schema:
        """Describes a member of a union as `Converter` writes it, with the name of its class."""
        return self._class(f"Tagged{cls.__name__}", cls, {"type": {"type": "string", "const": cls.__name__}})
