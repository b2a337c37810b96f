"""`operate new`: a copy is made as a whole or not at all, and an update loses nothing silently."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.up import python_version
from operate.__main__ import main
from operate.copies import updating
from operate.copies.making import PLACEHOLDER, make, target_of
from operate.copies.manifest import FILE, read_manifest
from operate.copies.rooms import ROOMS, TEMPLATE, carried, found
from operate.copies.updating import Change
from operate.copies.writing import write
from operate.failure import CommandFailed

ROOT = Path(__file__).resolve().parents[2]
OURS_TOO = {
    ".gitignore",
    "requirements-azure-monitor.txt",
    "requirements-operate.txt",
    "requirements-otlp.txt",
    "requirements.txt",
    "api/__init__.py",
    "composition/__init__.py",
    "composition/provisioning.py",
    "composition/services.py",
    "composition/wiring.py",
    "domain/__init__.py",
    "projections/__init__.py",
    "tests/conftest.py",
}
"""Files of the template that are as they are here. The template is whole in itself, since a copy makes copies too."""

PLANS = {f"infra/plans/{plan}.txt" for plan in ("default", "private", "ready")}
NAMED = {
    "README.md",
    "api/description.py",
    "azure.yaml",
    "host.json",
    "infra/model.json",
    "local.settings.json.example",
    "pyproject.toml",
    *PLANS,
}

Update = Callable[..., int]


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in found(folder).items()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project with little in its rooms, and no git."""
    put(
        tmp_path / "source",
        {
            "engine/a.py": "a = 1\n",
            "engine/sub/b.py": "b = 1\n",
            "emulators/c.py": "c = 1\n",
            "devstack/d.py": "d = 1\n",
            "operate/e.py": "e = 1\n",
            "infra/i.tf": "locals {}\n",
            "infra/model.json": "{}\n",
            "infra/plans/default.txt": "ours\n",
            "operate/template/README.md": "# service-name\n",
            "operate/template/infra/model.json": '{"database": "service-name"}\n',
            "operate/template/as-.gitignore": ".venv/\n",
            "operate/template/as-.github/ci.yml": "on: push\n",
            "tests/engine/test_a.py": "def test_a() -> None: ...\n",
            "domain/not_carried.py": "",
        },
    )
    return tmp_path / "source"


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    make(source, tmp_path / "copy", "inn")
    put(tmp_path / "copy", {"domain/mine.py": "mine = 1\n"})
    return tmp_path / "copy"


@pytest.fixture
def update(source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> Update:
    """`operate new --update`, as it stands in the source; gives the exit status."""
    monkeypatch.setattr("operate.__main__._ROOT", source)
    return lambda *options: main(["new", "--update", str(copy), *options])


class TestMaking:
    def test_the_rooms_are_carried_byte_for_byte_and_the_template_around_them(self, source: Path, copy: Path) -> None:
        assert contents(source) == contents(copy)
        assert "# inn\n" == (copy / "README.md").read_text(encoding="utf-8")
        assert (copy / ".gitignore").is_file()
        assert '{"database": "inn"}\n' == (copy / "infra" / "model.json").read_text(encoding="utf-8")
        assert not (copy / "infra" / "plans").exists()
        assert (copy / ".github" / "ci.yml").is_file()
        assert not (copy / "domain" / "not_carried.py").exists()

    def test_what_tools_left_behind_stays_behind(self, source: Path, tmp_path: Path) -> None:
        put(source, {"engine/__pycache__/a.pyc": "", "emulators/build/x": "", "engine/a.py.unfinished": "half"})
        before = set(carried(source))
        assert not {name for name in before if "pycache" in name or "build" in name or "unfinished" in name}

    def test_where_there_is_git_its_files_are_carried_and_no_others(self, source: Path) -> None:
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=source, check=True)
        tracked = set(carried(source))
        put(source, {"engine/untracked.py": ""})
        (source / "engine" / "a.py").unlink()
        assert tracked - {"engine/a.py"} == set(carried(source))

    def test_where_git_tracks_nothing_yet_it_is_said(self, source: Path) -> None:
        subprocess.run(["git", "init", "-q"], cwd=source, check=True)
        with pytest.raises(CommandFailed, match="git tracks no file of engine here: `git add` this project first"):
            carried(source)

    def test_a_git_that_does_not_answer_is_one_line(self, source: Path) -> None:
        put(source, {".git": "gitdir: nowhere\n"})
        with pytest.raises(CommandFailed, match="git does not say which files it tracks here: fatal"):
            carried(source)

    def test_modes_are_kept(self, source: Path, tmp_path: Path) -> None:
        (source / "engine" / "a.py").chmod(0o755)
        make(source, tmp_path / "another", "inn")
        assert (tmp_path / "another" / "engine" / "a.py").stat().st_mode & 0o777 == 0o755

    def test_an_empty_folder_will_do(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        make(source, tmp_path / "empty", "inn")
        assert contents(source) == contents(tmp_path / "empty")

    def test_a_copy_makes_copies(self, copy: Path, tmp_path: Path) -> None:
        make(copy, tmp_path / "next", "motel")
        assert contents(copy) == contents(tmp_path / "next")
        assert "# motel\n" == (tmp_path / "next" / "README.md").read_text(encoding="utf-8")
        assert not (tmp_path / "next" / "domain").exists()

    @pytest.mark.parametrize("name", ["", "-", "inn-", "-inn", "an inn", "inn.", "über", "a" * 64, "../inn", "inn\n"])
    def test_a_name_that_names_no_service_is_refused(self, source: Path, tmp_path: Path, name: str) -> None:
        with pytest.raises(CommandFailed, match="letters, digits and hyphens"):
            make(source, tmp_path / "another", name)
        assert not (tmp_path / "another").exists()

    @pytest.mark.parametrize("occupied", ["domain", "README.md", "."])
    def test_where_something_is_nothing_is_written(self, source: Path, copy: Path, occupied: str) -> None:
        before = sorted(copy.rglob("*"))
        with pytest.raises(CommandFailed, match="is there already, and not an empty folder; nothing was written"):
            make(source, copy / occupied if occupied != "." else copy, "inn")
        assert before == sorted(copy.rglob("*"))

    def test_inside_the_project_is_refused(self, source: Path) -> None:
        with pytest.raises(CommandFailed, match=r"inside this project: give a folder beside it, such as \.\./inn"):
            make(source, source / "inn", "inn")

    def test_what_fails_half_way_leaves_nothing(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(shutil, "copymode", full)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(OSError, match="No space"):
            make(source, tmp_path / "another", "inn")
        assert before == sorted(tmp_path.rglob("*"))


class TestUpdating:
    def test_nothing_to_do(self, update: Update, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = (copy / FILE).read_bytes()
        assert 0 == update()
        assert capsys.readouterr().out.startswith("0 replaced, 0 added, 0 removed: engine, ")
        assert before == (copy / FILE).read_bytes()

    def test_what_changed_came_or_went_is_named_and_the_rooms_are_the_same(
        self, update: Update, source: Path, copy: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(source, {"engine/a.py": "a = 2\n", "engine/new/n.py": "n = 1\n", "operate/template/README.md": "# other\n"})
        shutil.rmtree(source / "engine" / "sub")
        put(copy, {"engine/sub/__pycache__/b.pyc": "", "engine/__pycache__/a.pyc": ""})
        assert 0 == update()
        out = capsys.readouterr().out.splitlines()
        assert out[:4] == [
            "replaced engine/a.py",
            "added engine/new/n.py",
            "removed engine/sub/b.py",
            "replaced operate/template/README.md",
        ]
        assert out[4].startswith("2 replaced, 1 added, 1 removed")
        assert out[5].startswith("operate/template/ changed: your own files are as you left them")
        assert contents(source) == contents(copy)
        assert not (copy / "engine" / "sub").exists()
        assert "mine = 1\n" == (copy / "domain" / "mine.py").read_text(encoding="utf-8")
        assert "# inn\n" == (copy / "README.md").read_text(encoding="utf-8")
        assert "inn" == read_manifest(copy).name

    def test_it_is_told_as_json(self, update: Update, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        put(source, {"engine/a.py": "a = 2\n"})
        update("--json")
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
            {"file": "engine/a.py", "did": "replaced", "discarded": False},
            {"replaced": 1, "added": 0, "removed": 0, "missing": []},
        ]

    def test_a_requirement_that_the_rooms_have_and_the_service_has_not_is_named(
        self, update: Update, source: Path, copy: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(source, {"operate/template/requirements.txt": "# The engine's.\nnewer==2.0\nthere==1.0\n"})
        put(copy, {"requirements.txt": "there==1.0\nmine==3.0\n"})
        assert 0 == update()
        assert (
            "requirements.txt has no line `newer==2.0`: add it, the rooms were tested with it"
            in (capsys.readouterr().out.splitlines()[-1])
        )
        assert "there==1.0\nmine==3.0\n" == (copy / "requirements.txt").read_text(encoding="utf-8")
        put(copy, {"requirements.txt": "newer==2.0\nthere==1.0\nmine==3.0\n"})
        update("--json")
        assert [] == json.loads(capsys.readouterr().out.splitlines()[-1])["missing"]

    @pytest.mark.parametrize("theirs", [{"engine/a.py": "a = 3\n"}, {"engine/mine.py": "mine = 1\n"}], ids=str)
    def test_what_the_author_changed_or_added_there_is_named_and_nothing_is_done(
        self, update: Update, source: Path, copy: Path, capsys: pytest.CaptureFixture[str], theirs: dict[str, str]
    ) -> None:
        put(source, {"engine/a.py": "a = 2\n", "devstack/d.py": "d = 2\n"})
        put(copy, theirs)
        before = contents(copy)
        assert 1 == update()
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith(f"operate: nothing was done: {next(iter(theirs))} changed there")
        assert told.err.count("\n") == 1
        assert before == contents(copy)
        assert 0 == update("--discard-changes")
        assert f"{next(iter(theirs))} (your change is gone)" in capsys.readouterr().out
        assert contents(source) == contents(copy)

    def test_what_the_infrastructure_is_told_of_the_service_is_the_author_s(
        self, update: Update, source: Path, copy: Path
    ) -> None:
        theirs = {f"infra/{name}": "theirs\n" for name in ("model.json", "own.tf", "backend.tf", "plans/default.txt")}
        left = {f"infra/{name}": "" for name in (".terraform/providers", ".terraform.lock.hcl")}
        put(copy, {**theirs, **left})
        put(source, {"infra/i.tf": "locals { a = 1 }\n", "infra/own.tf": "of the project\n"})
        assert 0 == update()
        assert "locals { a = 1 }\n" == (copy / "infra" / "i.tf").read_text(encoding="utf-8")
        for name, text in {**theirs, **left}.items():
            assert text == (copy / name).read_text(encoding="utf-8")

    def test_a_change_that_came_here_too_is_no_change(self, update: Update, source: Path, copy: Path) -> None:
        put(source, {"engine/a.py": "a = 2\n"})
        put(copy, {"engine/a.py": "a = 2\n"})
        assert 0 == update()
        put(source, {"engine/a.py": "a = 3\n"})
        assert 0 == update()

    def test_what_the_author_removed_there_comes_back(self, update: Update, source: Path, copy: Path) -> None:
        (copy / "engine" / "a.py").unlink()
        assert 0 == update()
        assert contents(source) == contents(copy)

    @pytest.mark.parametrize("written", range(4))
    def test_what_was_interrupted_is_finished_by_the_next(
        self, update: Update, source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        put(source, {"engine/a.py": "a = 2\n", "engine/new/n.py": "n = 1\n", "devstack/d.py": "d = 2\n"})
        shutil.rmtree(source / "engine" / "sub")
        left = [None] * written

        def until_the_plug_is_pulled(file: Path, content: bytes, *, like: Path | None = None) -> None:
            if not left:
                put(file.parent, {f"{file.name}.unfinished": "half"})
                raise KeyboardInterrupt
            left.pop()
            write(file, content, like=like)

        with monkeypatch.context() as interrupted:
            interrupted.setattr("operate.copies.updating.write", until_the_plug_is_pulled)
            interrupted.setattr("operate.copies.manifest.write", until_the_plug_is_pulled)
            assert 130 == update()
        assert 0 == update()
        assert contents(source) == contents(copy)
        assert [] == list(copy.rglob("*.unfinished"))
        assert [] == updating.changes(source, copy, read_manifest(copy))

    def test_a_module_that_became_a_package_and_back(self, update: Update, source: Path, copy: Path) -> None:
        (source / "engine" / "a.py").unlink()
        put(source, {"engine/a.py/inner.py": "", "engine/sub.py": ""})
        assert 0 == update()
        assert contents(source) == contents(copy)
        shutil.rmtree(source / "engine" / "a.py")
        put(source, {"engine/a.py": "a = 3\n"})
        assert 0 == update()
        assert contents(source) == contents(copy)

    def test_a_folder_that_is_no_copy_is_left_alone(
        self, update: Update, copy: Path, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (copy / FILE).write_text("{}", encoding="utf-8")
        assert 1 == update()
        assert f"{FILE} is damaged" in capsys.readouterr().err
        (copy / FILE).unlink()
        assert 1 == update()
        assert f"has no {FILE}: it was not made by `operate new`" in capsys.readouterr().err
        assert 1 == main(["new", "--update", str(source)])
        assert "is this project itself" in capsys.readouterr().err

    def test_options_that_do_not_go_together(self, update: Update, copy: Path) -> None:
        assert 2 == update("--name", "inn")
        assert 2 == main(["new", str(copy.parent / "another"), "--discard-changes"])


def test_the_plan_says_whose_change_is_lost() -> None:
    plan = updating.planned(
        wanted={"same": "1", "newer": "2", "changed": "2", "new": "1", "taken over": "1"},
        known={"same": "1", "newer": "1", "changed": "1", "gone": "1", "changed and gone": "1"},
        present={
            "same": "1", "newer": "1", "changed": "x", "gone": "1", "changed and gone": "x", "added": "x",
            "taken over": "x",
        },
    )  # fmt: skip
    assert plan == [
        Change("added", "removed", discards=True),
        Change("changed", "replaced", discards=True),
        Change("changed and gone", "removed", discards=True),
        Change("gone", "removed", discards=False),
        Change("new", "added", discards=False),
        Change("newer", "replaced", discards=False),
        Change("taken over", "replaced", discards=True),
    ]


class TestTheTemplate:
    def test_what_is_the_same_everywhere_is_the_same_here(self) -> None:
        template = {target_of(name): file for name, file in carried(ROOT).items() if name.startswith(TEMPLATE)}
        same = {name for name in template if (ROOT / name).is_file()
                and (ROOT / name).read_bytes() == template[name].read_bytes()}  # fmt: skip
        assert same == OURS_TOO

    def test_the_name_of_the_service_stands_where_it_is_said(self) -> None:
        template = {target_of(name): file for name, file in carried(ROOT).items() if name.startswith(TEMPLATE)}
        assert {name for name, file in template.items() if PLACEHOLDER in file.read_bytes()} == NAMED

    def test_its_infrastructure_is_told_what_its_code_is(self, tmp_path: Path) -> None:
        """With the tools that every machine has; `make infra-check` runs the others where they are."""
        make(ROOT, tmp_path / "guests", "guests")
        checked = subprocess.run(
            [sys.executable, "infra/check.py"],
            cwd=tmp_path / "guests", env={**os.environ, "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (0, "model: clean") == (checked.returncode, checked.stdout.splitlines()[0]), checked.stdout

    def test_its_plans_are_those_of_its_model(self) -> None:
        infra = ROOT / TEMPLATE / "infra"
        model = json.loads((infra / "model.json").read_text(encoding="utf-8"))
        told = {*model["settings"]} - {"APPLICATIONINSIGHTS_CONNECTION_STRING"}
        for plan in PLANS:
            text = (ROOT / TEMPLATE / plan).read_text(encoding="utf-8")
            assert {*model["containers"]} == set(
                re.findall(r'^azurerm_cosmosdb_sql_container\.this\["(.+)"\]', text, re.M)
            )
            assert {*model["bus"]["queues"]} == set(
                re.findall(r'^azurerm_servicebus_queue\.this\["(.+)"\]', text, re.M)
            )
            assert told <= set(re.findall(r"^  app_settings\.(\w+) = ", text, re.MULTILINE))

    def test_its_ci_runs_what_there_is_for_every_python_that_the_stack_takes(self) -> None:
        workflow = (ROOT / TEMPLATE / "as-.github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
        makefile = (ROOT / TEMPLATE / "Makefile").read_text(encoding="utf-8")
        assert ["check", "test"] == re.findall(r"run: make (\S+) PYTHON=python$", workflow, re.MULTILINE)
        assert {"check", "test"} <= set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
        minors = range(python_version.OLDEST[1], python_version.NEWEST[1] + 1)
        assert f"python: {json.dumps([f'3.{minor}' for minor in minors])}" in workflow

    def test_the_tools_are_set_as_here(self) -> None:
        ours, theirs = (
            tomllib.loads(file.read_text(encoding="utf-8"))["tool"]
            for file in (ROOT / "pyproject.toml", ROOT / TEMPLATE / "as-pyproject.toml")
        )
        for rooms in ("files", "exclude"):
            ours["mypy"].pop(rooms)
            theirs["mypy"].pop(rooms)
        # A copy has no page to look at in a browser.
        ours["mypy"]["overrides"] = [each for each in ours["mypy"]["overrides"] if "axe" not in each["module"]]
        assert ours["mypy"] == theirs["mypy"]
        assert [ours["ruff"]["lint"][name] for name in ("select", "ignore")] == [
            theirs["ruff"]["lint"][name] for name in ("select", "ignore")
        ]
        # The tests of the engine run by them.
        ours["pytest"]["ini_options"].pop("markers")
        theirs["pytest"]["ini_options"].pop("markers")
        assert ours["pytest"] == theirs["pytest"]


def test_it_makes_a_whole_copy_from_any_folder(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "operate", "new", "inn", "--json"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ("inn", str(tmp_path / "inn")) == tuple(json.loads(made.stdout)[key] for key in ("name", "folder"))
    assert set(carried(ROOT)) == set(found(tmp_path / "inn"))
    for room in ROOMS:
        assert (tmp_path / "inn" / room).is_dir()


@pytest.mark.parametrize("arguments", [["new", "inn"], ["provision"], ["--help"], []], ids=str)
def test_where_nothing_is_installed_it_names_the_python_that_has_it(arguments: list[str]) -> None:
    command = [sys.executable, "-S", "-m", "operate", *arguments]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 1 == refused.returncode
    assert refused.stderr.startswith("operate: this Python has no click")
    assert ".venv/bin/python -m operate" in refused.stderr
    assert 1 == refused.stderr.count("\n")
