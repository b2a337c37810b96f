"""`Documentation` answers with the description of the REST interface, and with a page that shows it."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import azure.functions as func

from engine.imports import off_the_loop
from engine.projecting.counting.rollup import Rollup
from engine.projecting.query import ReadModel
from engine.triggers.docs_page import STYLE_SOURCE, page
from engine.triggers.files import File
from engine.triggers.http import HttpFunctions
from engine.triggers.http_answers import answered
from engine.triggers.openapi import openapi, routes_of
from engine.triggers.operations import Description, Operation, described, operations_of, query, text

_POLICY: Final = (
    f"default-src 'none'; style-src {STYLE_SOURCE}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page loads nothing at all: no script, and the style that stands in it."""


class Documentation:
    """Makes the description and the page when one of them is first asked for: then all routes are declared.

    `queries` maps the name of each function that answers from a read model to the name of that.
    """

    def __init__(self, description: Description, read_models: Iterable[ReadModel]) -> None:
        self._description = description
        self._read_models = {each.name: each for each in read_models}
        self._made: tuple[File, File] | None = None

    @answered
    @described(text("get_openapi", "This description, in OpenAPI 3.1", "application/json"))
    async def openapi(
        self, req: func.HttpRequest, app: func.FunctionApp, queries: Mapping[str, str]
    ) -> func.HttpResponse:
        description, _ = await self._files(app, queries)
        return description.answer(req)

    @answered
    @described(text("get_docs", "This description, as a page to read", "text/html", "Content-Security-Policy"))
    async def docs(self, req: func.HttpRequest, app: func.FunctionApp, queries: Mapping[str, str]) -> func.HttpResponse:
        _, shown = await self._files(app, queries)
        return shown.answer(req, **{"Content-Security-Policy": _POLICY})

    def describe(self, app: func.FunctionApp, queries: Mapping[str, str]) -> dict[str, Any]:
        """Returns the description. Raises LookupError for a route that is not described."""
        return openapi(self._description, routes_of(app), self.operations(queries))

    def operations(self, queries: Mapping[str, str]) -> tuple[Operation, ...]:
        """Returns those of the interface, of every interface, and of its read models."""
        parts = operations_of((*self._description.parts, HttpFunctions, Documentation))
        return (*parts, *(_query(function, self._read_models[name]) for function, name in queries.items()))

    async def _files(self, app: func.FunctionApp, queries: Mapping[str, str]) -> tuple[File, File]:
        if self._made is None:
            self._made = await off_the_loop(partial(self._make, app, queries))
        return self._made

    def _make(self, app: func.FunctionApp, queries: Mapping[str, str]) -> tuple[File, File]:
        described = self.describe(app, queries)
        text = json.dumps(described, ensure_ascii=False)
        return File.of(text.encode(), "application/json"), File.of(page(described).encode(), "text/html")


def _query(function: str, read_model: ReadModel) -> Operation:
    """Describes a query by the first sentence of the module that holds its read model, whose subject clients know."""
    projection = read_model.projections[-1]
    pure = projection.contributions if isinstance(projection, Rollup) else projection.project
    sentence = " ".join((sys.modules[pure.__module__].__doc__ or "").partition("\n\n")[0].split())
    summary = re.sub(r"^The read model `[\w-]+` ", "", sentence)
    return query(function, summary[:1].upper() + summary[1:], read_model)
