"""The page of the dashboard is made of the files that lie beside its code, and of nothing else."""

from pathlib import Path
from typing import Final

import azure.functions as func
import pytest

from api.dashboard import files
from api.dashboard.files import DashboardFiles
from tests import described

FOLDER: Final = Path(files.__file__).parent / "page"


async def asked(of: DashboardFiles, name: str, tag: str = "") -> func.HttpResponse:
    request = func.HttpRequest(
        "GET", "http://localhost/api", headers={"if-none-match": tag}, route_params={"file": name}, body=b""
    )
    response = await of.file(request)
    described.check("get_dashboard_file", response)
    return response


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    page.mkdir()
    for name in ("index.html", "main.js", "page.css", "a.txt", "uPlot.json", ".hidden", "notes.md"):
        (page / name).write_text(f"this is {name}", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return page


async def test_the_page_is_html_that_runs_nothing_from_elsewhere() -> None:
    response = await DashboardFiles().page(func.HttpRequest("GET", "http://localhost/api", body=b""))
    described.check("get_dashboard", response)
    assert (200, "text/html") == (response.status_code, response.mimetype)
    assert (FOLDER / "index.html").read_bytes() == response.get_body()
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    } == set(policy)  # fmt: skip
    assert ("nosniff", "no-referrer") == (
        response.headers["X-Content-Type-Options"],
        response.headers["Referrer-Policy"],
    )


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.html", "text/html"),
        ("main.js", "text/javascript"),
        ("page.css", "text/css"),
        ("a.txt", "text/plain"),
    ],
)
async def test_a_file_is_answered_with_its_type_and_once(folder: Path, name: str, media_type: str) -> None:
    page = DashboardFiles(folder)
    response = await asked(page, name)
    assert (200, media_type, f"this is {name}".encode()) == (
        response.status_code,
        response.mimetype,
        response.get_body(),
    )
    assert ("no-cache", "nosniff") == (response.headers["Cache-Control"], response.headers["X-Content-Type-Options"])
    tag = response.headers["ETag"]
    again = await asked(page, name, tag)
    assert (304, b"", tag) == (again.status_code, again.get_body(), again.headers["ETag"])
    assert 200 == (await asked(page, name, '"another"')).status_code


@pytest.mark.parametrize(
    "name",
    [
        "", "missing.js", "uPlot.json", ".hidden", "notes.md", "MAIN.JS", "main.js/", "./main.js",
        "secret.txt", "../secret.txt", "..%2fsecret.txt", "/etc/passwd", "page", "main.js\x00", "ü.js",
    ],
)  # fmt: skip
async def test_nothing_else_is_answered(folder: Path, name: str) -> None:
    assert 404 == (await asked(DashboardFiles(folder), name)).status_code


async def test_the_folder_is_read_once_and_off_the_loop(folder: Path) -> None:
    page = DashboardFiles(folder)
    assert 404 == (await asked(page, "later.js")).status_code
    (folder / "later.js").write_text("later", encoding="utf-8")
    (folder / "main.js").write_text("changed", encoding="utf-8")
    assert 404 == (await asked(page, "later.js")).status_code
    assert b"this is main.js" == (await asked(page, "main.js")).get_body()


async def test_every_file_of_the_page_can_be_asked_for() -> None:
    page = DashboardFiles()
    for each in FOLDER.iterdir():
        if each.suffix in {".html", ".css", ".js", ".txt"}:
            assert each.read_bytes() == (await asked(page, each.name)).get_body(), each.name
