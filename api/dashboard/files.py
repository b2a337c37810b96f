"""The files of the page lie in `page/`; none of them holds any data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import azure.functions as func

from engine.imports import imported
from engine.triggers.files import File
from engine.triggers.http_answers import answered
from engine.triggers.operations import described, text
from engine.triggers.problems import NotFound

_PAGE: Final = "index.html"

_MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".txt": "text/plain",
}

_SAFE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The page runs the scripts that lie beside it, and no other; what data say is never markup."""


class DashboardFiles:
    """Answers with the files that lay in the folder when one of them was first asked for, and with no other."""

    def __init__(self, folder: Path = Path(__file__).parent / "page") -> None:
        self._files = imported(lambda: _read(folder))

    @answered
    @described(text("get_dashboard", "The page for staff and operators", "text/html", *_SAFE))
    async def page(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self._answer(req, _PAGE)

    @answered
    @described(text("get_dashboard_file", "A file of the page", "text/*", *_SAFE, errors=(NotFound("…"),)))
    async def file(self, req: func.HttpRequest) -> func.HttpResponse:
        return await self._answer(req, req.route_params.get("file", ""))

    async def _answer(self, req: func.HttpRequest, name: str) -> func.HttpResponse:
        file = (await self._files.get()).get(name)
        if file is None:
            raise NotFound("There is no such file.")
        return file.answer(req, **_SAFE)


def _read(folder: Path) -> Mapping[str, File]:
    files = (each for each in folder.iterdir() if each.suffix in _MEDIA_TYPES)
    return {each.name: File.of(each.read_bytes(), _MEDIA_TYPES[each.suffix]) for each in files}
