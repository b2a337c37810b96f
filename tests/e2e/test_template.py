"""The template claim: another domain takes the place of ours, in the folders that its author touches, and runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import ROOT, client_of, eventually, running

TOY = Path(__file__).parent / "toy"
KEPT_OF_THE_DOMAIN = {"__init__.py", "aggregate.py", "decider.py", "process.py"}
TOUCHED = ("domain/", "projections/views/", "triggers/http", "function_app.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project with the toy domain in place of ours, and the environment that is there already."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).exists() and not name.startswith(("tests/", "docs/", "bench/")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    for entry in (tmp_path / "domain").iterdir():
        if entry.name not in KEPT_OF_THE_DOMAIN:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in (tmp_path / "projections" / "views").glob("[!_]*.py"):
        entry.unlink()
    for entry in TOY.rglob("*.py"):
        target = tmp_path / entry.relative_to(TOY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(entry, target)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def test_an_author_touches_nothing_else() -> None:
    files = [file.relative_to(TOY).as_posix() for file in TOY.rglob("*.py")]
    assert [] == [file for file in files if not file.startswith(TOUCHED)]


def test_its_types_fit(project: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "domain", "projections", "triggers", "function_app.py"],
        cwd=project, capture_output=True, text=True, env={**os.environ, "MYPY_CACHE_DIR": os.devnull},
    )  # fmt: skip
    assert 0 == checked.returncode, checked.stdout + checked.stderr


async def test_another_domain_runs_in_place_of_ours(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("toy"), folder=project) as stack:
        async with client_of(stack) as client:
            arrived = await client.post("/guests/ada/arrival", {"room": 7}, "k-1")
            assert (200, {"guest": "ada", "version": 1}) == (arrived.status, arrived.body)
            assert arrived.body == (await client.post("/guests/ada/arrival", {"room": 7}, "k-1")).body
            elsewhere = await client.post("/guests/ada/arrival", {"room": 8}, "k-2")
            assert (409, "The guest is in room 7.") == (elsewhere.status, elsewhere.body["detail"])
            assert 400 == (await client.post("/guests/ada/arrival", {"room": "8"}, "k-3")).status
            assert 2 == (await client.post("/guests/ada/departure", {}, "k-4")).body["version"]
            assert 3 == (await client.post("/guests/ada/arrival", {"room": 8}, "k-2")).body["version"]

            async def page() -> tuple[int, int, int]:
                seen = (await client.get("/guests/ada")).body
                return seen["room"], seen["visits"], seen["version"]

            await eventually((8, 2, 3), page)
            assert 404 == (await client.get("/guests/bob")).status
