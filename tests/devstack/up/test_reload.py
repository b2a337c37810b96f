"""`up --reload`: the functions restart when a file of the app changes."""

from pathlib import Path

import pytest

from devstack.up.source_watch import SourceWatch
from tests.devstack.up.project import Project, wait_until


def test_a_change_restarts_the_functions_alone(project: Project) -> None:
    with project.up("--reload") as up:
        up.ready()
        before = project.services()
        (project.root / "function_app.py").write_text("# new")

        up.says("devstack: function_app.py changed; functions restart")
        wait_until(lambda: 2 == project.noted().count("functions start"), "they start again")
        wait_until(lambda: 2 == up.output.count("functions ready at"), "they are ready again")
        after = project.services()
        assert before["cosmos"] == after["cosmos"]
        assert before["functions"]["pid"] != after["functions"]["pid"]


def test_a_change_that_breaks_the_app_is_mended_by_the_next_one(project: Project) -> None:
    app = project.root / "function_app.py"
    app.touch()
    project.faults(functions={"broken": "function_app.py"})
    with project.up("--reload") as up:
        up.ready()
        app.write_text("broken")
        up.says("functions ended on its own with status 5; they start again at the next change")
        app.write_text("mended at last")

        wait_until(lambda: 2 == up.output.count("functions ready at"), "they are ready again")
        assert {"traces", "cosmos", "servicebus", "functions"} == set(project.services())


class TestSourceWatch:
    @pytest.fixture
    def app(self, tmp_path: Path) -> Path:
        for name in ("function_app.py", "host.json", "domain/order.py"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
        return tmp_path

    @pytest.mark.parametrize("name", ["function_app.py", "host.json", "domain/order.py", "domain/new.py"])
    def test_it_sees_a_written_file_once(self, app: Path, name: str) -> None:
        watch = SourceWatch(str(app))
        assert None is watch.changed()
        (app / name).write_text("new")

        assert name == watch.changed()
        assert None is watch.changed()

    def test_it_sees_a_removed_file(self, app: Path) -> None:
        watch = SourceWatch(str(app))
        (app / "domain" / "order.py").unlink()

        assert "domain/order.py" == watch.changed()

    @pytest.mark.parametrize("name", [".venv/x.py", ".devstack/x.json", "tests/x.py", "devstack/x.py", "README.md"])
    def test_it_does_not_see_what_the_host_does_not_load(self, app: Path, name: str) -> None:
        watch = SourceWatch(str(app))
        (app / name).parent.mkdir(exist_ok=True)
        (app / name).touch()

        assert None is watch.changed()
