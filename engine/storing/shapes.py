"""The shape of a class says which data it is at rest: the names and kinds of its fields, nested ones included."""

import functools
import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

_DIGITS: Final = 12


def shape_of(hint: Any) -> Any:
    """Returns the shape of a class or of another type hint, as JSON data: the same under every version of Python."""
    cls, args = get_origin(hint) or hint, [shape_of(each) for each in get_args(hint)]
    if isinstance(cls, type) and is_dataclass(cls):
        hints = get_type_hints(cls)
        shape = {field.name: shape_of(hints[field.name]) for field in fields(cls)}
        return {"class": cls.__name__, **shape, **({"of": args} if args else {})}
    name = getattr(cls, "__name__", repr(cls))
    return [name, *args] if args else name


@functools.cache
def digest_of(hint: Any) -> str:
    """Returns a digest of the shape: two builds have the same one if they mean the same data by the class."""
    return hashlib.sha256(json.dumps(shape_of(hint), sort_keys=True).encode()).hexdigest()[:_DIGITS]
