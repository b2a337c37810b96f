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
    from it. Raises NotAReadModel.
    """
    path = importlib.import_module(package).__path__
    names = sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    return tuple(_read_model(package, name) for name in names)


def _read_model(package: str, name: str) -> ReadModel:
    values = [value for key, value in vars(importlib.import_module(f"{package}.{name}")).items() if key[:1] != "_"]
    projections = [value for value in values if isinstance(value, (Projection, Rollup))]
    queries = [value for value in values if isinstance(value, (StreamQuery, PageQuery, MinutesQuery))]
    expected = name.replace("_", "-")
    if [each.name for each in projections] != [expected]:
        raise NotAReadModel(f"{package}/{name}.py must hold one Projection or Rollup, named {expected!r}")
    if len(queries) > 1 or any(query.projection is not projections[0] for query in queries):
        raise NotAReadModel(f"{package}/{name}.py must hold at most one query, of its own projection")
    return ReadModel(projections[0], queries[0] if queries else None)
