"""Read models are found, not listed: every public module of a package holds one."""

import importlib
import pkgutil

from engine.projecting.counting.rollup import Rollup
from engine.projecting.projection import Projection
from engine.projecting.query import MinutesQuery, PageQuery, ReadModel, StreamQuery


class NotAReadModel(Exception):
    """Is raised when a module does not define a read model as `read_models` expects it; the text says what to fix."""


def read_models(package: str) -> tuple[ReadModel, ...]:
    """Returns the read models of the modules directly in `package`, by name; private modules are left out.

    A module holds one `Projection` or `Rollup`, named like the module with hyphens, and at most one query that answers
    from it. To change a read model, it holds one of each for every generation. Raises NotAReadModel.
    """
    path = importlib.import_module(package).__path__
    names = sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    return tuple(read_model(package, name) for name in names)


def read_model(package: str, name: str) -> ReadModel:
    """Returns the read model of the module `name` in `package`. Raises NotAReadModel."""
    values = [value for key, value in vars(importlib.import_module(f"{package}.{name}")).items() if key[:1] != "_"]
    projections = sorted(
        (value for value in values if isinstance(value, (Projection, Rollup))),
        key=lambda projection: projection.generation,
    )
    queries = [value for value in values if isinstance(value, (StreamQuery, PageQuery, MinutesQuery))]
    file, expected = f"{package}/{name}.py", name.replace("_", "-")
    if {each.name for each in projections} != {expected}:
        raise NotAReadModel(f"{file} must hold one Projection or Rollup, named {expected!r}")
    generations = [each.generation for each in projections]
    if len(set(generations)) < len(generations):
        raise NotAReadModel(f"{file} must hold one Projection or Rollup of each generation")
    if len({each.container.partition_key for each in projections}) > 1:
        raise NotAReadModel(f"{file} must partition all generations by the same key: they share a container")
    asked = [query.projection for query in queries]
    if any(each not in projections for each in asked) or len({each.generation for each in asked}) < len(asked):
        raise NotAReadModel(f"{file} must hold at most one query, of its own projection, for each generation")
    if asked and len(asked) < len(projections):
        raise NotAReadModel(f"{file} must hold a query for each generation, or none")
    if len({type(each) for each in queries}) > 1:
        raise NotAReadModel(f"{file} must ask all generations by the same kind of query")
    return ReadModel(tuple(projections), tuple(queries))
