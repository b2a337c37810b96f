"""`.venv` and local.settings.json: made once, and again when what they were made from has changed."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.up import environment, installer, python_version, settings
from devstack.up.console import Console
from devstack.up.errors import StackError

Calls = list[str]


class Recorder:
    """Stands in for venv and pip: notes the calls, and makes an environment whose Python is this one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.calls: Calls = []
        self.failure: StackError | None = None

    def create(self, venv: str) -> None:
        self.calls.append("venv")
        shutil.rmtree(venv, ignore_errors=True)
        (Path(venv) / "bin").mkdir(parents=True)
        # Not a link: only a script finds the packages of the Python that it calls.
        python = Path(venv) / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)

    def install(self, root: str, console: Console) -> None:
        self.calls.append("pip")
        if self.failure:
            raise self.failure

    def prepare(self, root: Path | None = None, *, insist: bool = False) -> Calls:
        """The calls that one run makes."""
        self.calls = []
        environment.prepare(str(root or self._root), Console(), self.create, self.install, insist)
        return self.calls

    def pretend(self, version: str) -> None:
        """The environment is one of this Python from now on."""
        stamp = self._root / ".venv" / "devstack-stamp.json"
        stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": version}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("attrs\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return folder


@pytest.fixture
def tools(root: Path) -> Recorder:
    return Recorder(root)


class TestStamp:
    def test_a_repeated_run_calls_neither_venv_nor_pip(self, tools: Recorder) -> None:
        assert ["venv", "pip"] == tools.prepare()
        assert [] == tools.prepare()

    @pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
    def test_changed_requirements_are_installed_into_the_environment_that_is_there(
        self, tools: Recorder, root: Path, name: str
    ) -> None:
        tools.prepare()
        (root / name).write_text("attrs==26.1.0\n")

        assert ["pip"] == tools.prepare()
        assert [] == tools.prepare()

    def test_another_python_gets_a_new_environment(
        self, tools: Recorder, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tools.prepare()
        stamp = root / ".venv" / "devstack-stamp.json"
        stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.10"}))

        assert ["venv", "pip"] == tools.prepare()
        assert "replacing .venv, which is broken or of another Python" in capsys.readouterr().out

    def test_one_of_another_python_that_runs_the_stack_is_kept_unless_this_one_is_asked_for(
        self, tools: Recorder
    ) -> None:
        """Or `make demo` in a second terminal would replace what `make run PYTHON=…` in the first one runs on."""
        tools.prepare()
        tools.pretend("3.99")

        assert [] == tools.prepare()
        assert ["venv", "pip"] == tools.prepare(insist=True)

    def test_one_that_a_stack_runs_on_is_never_replaced(self, tools: Recorder, root: Path) -> None:
        tools.prepare()
        tools.pretend("3.99")

        with environment.in_use(str(root)), pytest.raises(StackError, match=r"a stack runs on \.venv"):
            tools.prepare(insist=True)
        assert [] == tools.calls
        assert ["venv", "pip"] == tools.prepare(insist=True)

    def test_a_copied_project_gets_an_environment_of_its_own(self, tools: Recorder, root: Path) -> None:
        """The scripts in .venv/bin name the Python of the folder in which they were installed."""
        tools.prepare()
        copy = root.with_name("copy")
        shutil.copytree(root, copy)

        assert ["venv", "pip"] == tools.prepare(copy)
        assert [] == tools.prepare()

    def test_a_link_to_another_projects_environment_is_used_if_it_fits_and_never_emptied(
        self, tools: Recorder, root: Path
    ) -> None:
        tools.prepare()
        copy = root.parent / "copy"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".venv"))
        (copy / ".venv").symlink_to(root / ".venv")
        assert [] == tools.prepare(copy)
        (root / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
        (root / ".venv" / "devstack-stamp.json").unlink()
        with pytest.raises(StackError, match="is a link to"):
            tools.prepare(copy)
        assert (root / ".venv" / "bin" / "python").exists()

    def test_an_environment_whose_python_was_removed_is_made_anew(self, tools: Recorder, root: Path) -> None:
        tools.prepare()
        (root / ".venv" / "bin" / "python").unlink()

        assert ["venv", "pip"] == tools.prepare()

    def test_an_environment_made_by_hand_is_used(self, tools: Recorder, root: Path) -> None:
        tools.create(str(root / ".venv"))

        assert ["pip"] == tools.prepare()
        assert [] == tools.prepare()

    def test_an_environment_without_pip_is_made_anew(self, tools: Recorder, root: Path) -> None:
        """Such as one whose making was interrupted."""
        tools.create(str(root / ".venv"))
        (root / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")

        assert ["venv", "pip"] == tools.prepare()

    def test_what_pip_did_not_finish_is_tried_again(self, tools: Recorder, root: Path) -> None:
        """Even where the requirements have gone back to what was installed before."""
        tools.prepare()
        before = (root / "requirements.txt").read_text()
        (root / "requirements.txt").write_text("no-such-package\n")
        tools.failure = StackError("pip failed")
        with pytest.raises(StackError):
            tools.prepare()
        tools.failure = None
        (root / "requirements.txt").write_text(before)

        assert ["pip"] == tools.prepare()

    def test_a_newer_python_is_told_apart_but_not_refused(
        self, tools: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(python_version, "NEWEST", (3, 10))

        assert ["venv", "pip"] == tools.prepare()
        assert "is not run by us" in capsys.readouterr().out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder with a real environment, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "requirements-dev.txt").write_text("# nothing\n")
    environment.prepare(str(folder), Console())
    yield folder
    shutil.rmtree(folder)


class TestVenvAndPip:
    def test_the_environment_runs_and_is_separate(self, made: Path) -> None:
        python = installer.interpreter(str(made))
        prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], stdout=subprocess.PIPE, check=True)

        assert made.resolve() / ".venv" == Path(prefix.stdout.decode().strip()).resolve()

    def test_the_error_of_pip_is_the_line_that_the_user_reads(
        self, made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        (made / "requirements-dev.txt").write_text("no-such-package==1\n")

        with pytest.raises(StackError, match=r"pip failed \(status 1\): No matching distribution found for no-such-"):
            environment.prepare(str(made), Console())
        assert "pip        | ERROR: " in capsys.readouterr().out

    def test_a_python_without_ensurepip_says_which_package_debian_has_it_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else real(name))

        with pytest.raises(StackError, match="apt install python3-venv"):
            installer.create_venv(str(tmp_path / ".venv"))


class TestSettingsFile:
    def test_it_is_made_from_its_example_once_and_never_overwritten(self, root: Path) -> None:
        (root / "local.settings.json.example").write_text("one")
        assert settings.create_file(str(root))
        (root / "local.settings.json.example").write_text("two")

        assert not settings.create_file(str(root))
        assert "one" == (root / "local.settings.json").read_text()

    def test_without_an_example_there_is_none(self, root: Path) -> None:
        assert not settings.create_file(str(root))
        assert {} == settings.file_values(str(root))

    def test_values_may_follow_a_byte_order_mark(self, root: Path) -> None:
        """Editors on Windows write one, and the real host accepts it."""
        (root / "local.settings.json").write_text('\ufeff{"Values": {"A": "1"}}')

        assert {"A": "1"} == settings.file_values(str(root))

    @pytest.mark.parametrize("content", ["[]", '{"Values": []}'])
    def test_another_shape_is_named(self, root: Path, content: str) -> None:
        (root / "local.settings.json").write_text(content)

        with pytest.raises(StackError, match="is not of the form"):
            settings.file_values(str(root))
