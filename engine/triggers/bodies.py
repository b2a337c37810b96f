"""What is answered from a stream or a read model is described from its events, or from its view."""

from collections.abc import Iterable
from typing import Any, get_type_hints, is_typeddict

from engine.deciding.aggregate import Aggregate
from engine.projecting.query import PageQuery, StreamQuery
from engine.triggers.http_answers import ShownEvent
from engine.triggers.schemas import Schema, Schemas


def view(schemas: Schemas, query: StreamQuery[Any]) -> Schema:
    """Describes a view with its version and what is computed."""
    shown, always = schemas.properties(query.projection.view_class)
    computed = get_type_hints(query.computed)["return"]
    more = {} if not is_typeddict(computed) else schemas.properties(computed)[0]
    more["version"] = schemas.of(int)
    return schemas.component(query.projection.view_class.__name__, {**shown, **more}, [*always, *more])


def page(schemas: Schemas, query: PageQuery[Any]) -> Schema:
    """Describes a page of views."""
    view = query.projection.view_class
    properties = {query.items: schemas.of(tuple[view, ...]), "continuation": schemas.of(str)}  # type: ignore[valid-type]
    return schemas.component(f"PageOf{view.__name__}", properties, [query.items])


def events(schemas: Schemas, function: str, aggregates: Iterable[Aggregate[Any, Any, Any]]) -> Schema:
    """Describes a page of events. Each has its stream where there are several."""
    shown, always = schemas.properties(ShownEvent)
    stream = {"stream": schemas.of(str)}
    by_type = {
        name: schemas.component(
            f"{name}Event",
            {**shown, "type": {"type": "string", "const": name}, "data": schemas.of(event), **stream},
            always,
        )
        for each in aggregates
        for name, event in each.event_classes.items()
    }
    items = {"type": "array", "items": schemas.one_of("type", by_type)}
    name = "".join(part.capitalize() for part in function.removeprefix("get_").split("_"))
    return schemas.component(name, {**stream, "events": items, "continuation": schemas.of(str)}, ["events"])
