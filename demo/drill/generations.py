"""The next generation of every read model, added to a copy of the project as an author would add it."""

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from engine.projecting.query import ReadModel

_NEXT: Final = """

{projection}_{number} = replace({projection}, generation={number})

{query}_{number} = replace({query}, projection={projection}_{number})
"""


def add_next(folder: Path, read_models: Iterable[ReadModel]) -> Mapping[str, int]:
    """Adds it to the modules of the copy in `folder`; returns its number by read model."""
    added = {}
    for each in read_models:
        module = each.name.replace("-", "_")
        file = folder / "projections" / f"{module}.py"
        text = file.read_text(encoding="utf-8")
        names = _names(f"projections.{module}")
        number = each.generations[-1] + 1
        last = {"projection": names[id(each.projections[-1])], "query": names[id(each.queries[-1])]}
        imported = text if "import replace" in text else _with_import(text)
        file.write_text(imported + _NEXT.format(**last, number=number), encoding="utf-8")
        added[each.name] = number
    return added


def _names(module: str) -> Mapping[int, str]:
    """The names of what a module holds, by identity."""
    return {id(value): name for name, value in vars(importlib.import_module(module)).items()}


def _with_import(text: str) -> str:
    doc, quotes, rest = text.partition('"""\n\n')
    return f"{doc}{quotes}from dataclasses import replace\n{rest}"
