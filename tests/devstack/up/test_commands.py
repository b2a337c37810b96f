"""The commands beside `up`."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.devstack.up.project import Project, wait_until


class TestDown:
    def test_it_stops_the_stack_and_waits_for_its_end(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            down = project.run("down")

            assert (0, "devstack: stopped; the data stays in .devstack\n") == (down.returncode, down.stdout)
            assert ["functions stop", "servicebus stop", "cosmos stop", "traces stop"] == project.noted()[5:]
            assert 0 == up.ends()

    def test_where_nothing_runs_there_is_nothing_to_do(self, project: Project) -> None:
        """Not even where a killed stack left its description, with a pid that another process may have by now."""
        project.data.mkdir()
        (project.data / "stack.json").write_text(json.dumps({"pid": os.getpid(), "ready": True, "services": {}}))
        down = project.run("down")

        assert (0, "devstack: no stack runs over .devstack\n") == (down.returncode, down.stdout)


class TestStatus:
    def test_a_script_reads_urls_and_pids(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            status = project.run("status", "--json")

            assert 0 == status.returncode
            found = json.loads(status.stdout)
            pids = {entry["name"]: entry["pid"] for entry in project.journal() if entry["name"] != "operate"}
            assert {"running", "data", "pid", "ready", "services", "settings", "elsewhere"} == set(found)
            assert (True, True, up.process.pid) == (found["running"], found["ready"], found["pid"])
            assert str(project.data) == found["data"]
            assert pids == {name: service["pid"] for name, service in found["services"].items()}
            assert all(service["url"].startswith("http://localhost:") for service in found["services"].values())

    def test_a_tool_reads_the_settings_that_lead_to_it(self, project: Project) -> None:
        """They are those of its functions, whatever the file says, and the ports that it was given."""
        project.settings({"COSMOS": "AccountEndpoint=https://x.documents.azure.com/;AccountKey=a2V5;"})
        with project.up() as up:
            up.ready()
            found = json.loads(project.run("status", "--json").stdout)

            (functions,) = [entry for entry in project.journal() if entry["name"] == "functions"]
            assert {"COSMOS": functions["cosmos"], "SERVICEBUS": functions["servicebus"]} == found["settings"]
            assert found["services"]["cosmos"]["url"] in found["settings"]["COSMOS"]
            assert {} == found["elsewhere"]

    def test_where_the_environment_of_the_stack_leads_elsewhere_the_tool_is_told_and_not_led(
        self, project: Project
    ) -> None:
        """It may have another environment itself, and a key is nothing to be published."""
        with project.up(COSMOS="AccountEndpoint=https://x.documents.azure.com/;AccountKey=a2V5;") as up:
            up.ready()
            said = project.run("status", "--json").stdout
            assert ["SERVICEBUS"] == list(json.loads(said)["settings"])
            assert {"COSMOS": "https://x.documents.azure.com/"} == json.loads(said)["elsewhere"]
            assert "a2V5" not in said

    def test_a_person_reads_the_same(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            found = project.services()
            first, *rest = project.run("status").stdout.splitlines()

            assert f"devstack: ready (pid {up.process.pid}), data in .devstack" == first
            assert [f"  {name:<10}  {it['url']}  (pid {it['pid']})" for name, it in found.items()] == rest

    def test_a_stack_that_starts_is_not_ready(self, project: Project) -> None:
        project.faults(functions={"mute": True})
        with project.up():
            wait_until(lambda: "functions start" in project.noted(), "functions start")
            status = project.run("status", "--json")

            assert 1 == status.returncode
            found = json.loads(status.stdout)
            assert (True, False) == (found["running"], found["ready"])
            assert {"COSMOS", "SERVICEBUS"} == set(found["settings"])

    def test_where_nothing_runs_the_status_is_1(self, project: Project) -> None:
        status = project.run("status", "--json")

        assert 1 == status.returncode
        expected = {"running": False, "data": str(project.data), "pid": None, "ready": False}
        expected |= {"services": {}, "settings": {}, "elsewhere": {}}
        assert expected == json.loads(status.stdout)
        assert "devstack: no stack runs over .devstack\n" == project.run("status").stdout


class TestReset:
    def test_it_says_what_it_removes_and_removes_it(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
        (project.data / "cosmos").mkdir()
        (project.data / "cosmos" / "items.db").write_bytes(b"x" * 2_500_000)
        reset = project.run("reset")

        assert (0, "devstack: reset removes .devstack (cosmos 2.5 MB)\n") == (reset.returncode, reset.stdout)
        assert not project.data.exists()
        assert "devstack: there is no .devstack, nothing to remove\n" == project.run("reset").stdout

    def test_it_refuses_while_the_stack_runs(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            reset = project.run("reset")

            assert 1 == reset.returncode
            assert f"a stack already runs over .devstack (pid {up.process.pid})" in reset.stderr
            assert project.data.exists()

    def test_data_of_another_format_can_be_removed(self, project: Project) -> None:
        """It is what the line about the format recommends."""
        project.data.mkdir()
        (project.data / "devstack-format").write_text("0")

        assert 0 == project.run("reset").returncode
        assert not project.data.exists()

    @pytest.mark.parametrize(("answer", "status", "left"), [("n", 1, True), ("", 1, True), ("y", 0, False)])
    def test_on_a_terminal_it_asks(self, project: Project, answer: str, status: int, left: bool) -> None:
        project.data.mkdir()
        (project.data / "devstack-format").write_text("1")
        ours, theirs = pty.openpty()
        reset = subprocess.Popen(
            [sys.executable, "-m", "devstack", "reset"], cwd=project.root, stdin=theirs, stdout=subprocess.DEVNULL
        )
        os.write(ours, answer.encode() + b"\n")

        assert status == reset.wait(20)
        assert left == project.data.exists()
        os.close(ours)
        os.close(theirs)


class TestForwards:
    @pytest.mark.parametrize("name", ["traces", "cosmos", "servicebus", "functions"])
    def test_arguments_go_to_the_service_as_they_are(self, project: Project, name: str) -> None:
        """Help and errors are those of the service itself."""
        assert project.run(name, "--help").stdout.startswith(f"usage: python -m devstack.{name} ")
        assert 2 == project.run(name).returncode

    def test_the_bus_gets_the_entities_of_the_project_unless_others_are_named(self, project: Project) -> None:
        (project.root / "emulators" / "servicebus" / "__main__.py").write_text("import sys; print(*sys.argv[1:])")
        entities = project.data / "servicebus.json"

        assert f"--config {entities}\n" == project.run("servicebus").stdout
        assert "--config other.json\n" == project.run("servicebus", "--config", "other.json").stdout

    def test_the_service_runs_under_the_environments_python(self, project: Project) -> None:
        """So that `python3 -m devstack cosmos` works with a python3 that has none of the packages."""
        (project.root / "emulators" / "cosmos" / "__main__.py").write_text("import sys; print(sys.executable)")

        assert f"{project.root}/.venv/bin/python\n" == project.run("cosmos").stdout


class TestCommandLine:
    def test_help_lists_every_command_and_variable(self, project: Project) -> None:
        text = project.run("--help").stdout

        for word in (
            "up",
            "down",
            "status",
            "reset",
            "setup",
            "cosmos",
            "servicebus",
            "functions",
            "traces",
            "DEVSTACK_TRACES_PORT",
            "DEVSTACK_DATA",
            "exit status",
        ):
            assert word in text

    @pytest.mark.parametrize(
        "arguments",
        [
            ["up", "--instances", "0"],
            ["up", "--hurry", "-1"],
            ["up", "--lag", "x"],
            ["up", "--engine", "x"],
            ["sideways"],
            [],
        ],
    )
    def test_a_wrong_command_line_ends_with_status_2(self, project: Project, arguments: list[str]) -> None:
        assert 2 == project.run(*arguments).returncode

    def test_it_says_in_which_folder_it_wants_to_be(self, project: Project) -> None:
        elsewhere = subprocess.run(
            [sys.executable, "-m", "devstack", "up"],
            cwd=project.root.parent,
            env={**os.environ, "PYTHONPATH": str(project.root)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert 1 == elsewhere.returncode
        assert f"devstack: run it in the root of the project: cd {project.root}\n" == elsewhere.stderr
