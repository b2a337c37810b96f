"""What is answered from a stream or a read model is described from its events, or from its view."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_type_hints, is_typeddict

from engine.deciding.aggregate import Aggregate
from engine.projecting.query import MinutesQuery, PageQuery, StreamQuery
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


def minutes(schemas: Schemas, query: MinutesQuery) -> Schema:
    """Describes sums by minute and series, and their totals."""
    shown = get_type_hints(query.shown)["return"]
    sums, always = schemas.properties(shown) if is_typeddict(shown) else ({}, [])
    sums = {query.series: schemas.of(str), **sums}
    always = [query.series, *always]
    name = "".join(part.capitalize() for part in query.projection.name.split("-"))
    minute = {"minute": schemas.of(datetime), **sums}
    rows = schemas.component(f"{name}OfAMinute", minute, ["minute", *always])
    totals = schemas.component(f"{name}InTotal", sums, always)
    span = {"from": schemas.of(datetime), "to": schemas.of(datetime)}
    lists = {"minutes": {"type": "array", "items": rows}, "totals": {"type": "array", "items": totals}}
    return schemas.component(name, {**span, **lists})


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
