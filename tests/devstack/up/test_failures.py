"""What goes wrong in a stack, and what the user reads about it."""

import os
import signal
import socket

import pytest

from tests.devstack.up.project import Project, end_service, is_alive, wait_until


class TestServiceThatEnds:
    @pytest.mark.parametrize("name", ["traces", "cosmos", "servicebus", "functions"])
    def test_it_is_named_with_its_status_and_the_rest_stops(self, project: Project, name: str) -> None:
        """The stack ends with the status of the service that ended on its own."""
        with project.up() as up:
            up.ready()
            found = project.services()
            end_service(found[name]["url"], 9)

            assert 9 == up.ends()
            assert f"devstack: {name} ended on its own with status 9; stopping the rest" in up.output
            assert not any(is_alive(service["pid"]) for service in found.values())

    def test_its_last_words_come_before_the_verdict(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            end_service(project.services()["functions"]["url"], 9)
            up.ends()

            lines = [line.strip() for line in up.lines]
            verdict = lines.index("devstack: functions ended on its own with status 9; stopping the rest")
            assert lines.index("functions  | functions gives up") < verdict

    def test_an_end_without_a_reason_is_a_failure_all_the_same(self, project: Project) -> None:
        """Status 0 of a service that nobody stopped is not success."""
        with project.up() as up:
            up.ready()
            end_service(project.services()["cosmos"]["url"], 0)

            assert 1 == up.ends()
            assert "cosmos ended on its own with status 0" in up.output

    def test_a_signal_is_told_by_its_name(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            os.kill(project.services()["cosmos"]["pid"], signal.SIGKILL)

            assert 1 == up.ends()
            assert "devstack: cosmos was ended by signal 9 (Killed)" in up.output

    def test_functions_that_do_not_load_stop_the_start(self, project: Project) -> None:
        (project.root / "app").write_text("broken")
        project.faults(functions={"broken": "app"})
        with project.up() as up:
            assert 5 == up.ends()
            assert "functions  | the app does not load\n" in up.output
            assert "functions ended on its own with status 5" in up.output
            assert "devstack: ready" not in up.output

    def test_without_provisioning_no_functions_start(self, project: Project) -> None:
        project.faults(operate={"status": 6})
        with project.up() as up:
            assert 6 == up.ends()
            assert "devstack: provision ended on its own with status 6" in up.output
            assert [
                "traces start",
                "cosmos start",
                "servicebus start",
                "operate start",
                "servicebus stop",
                "cosmos stop",
                "traces stop",
            ] == project.noted()


class TestKilledSupervisor:
    def test_its_services_end_with_it(self, project: Project) -> None:
        """Their stdin is a pipe from the supervisor, which the kernel closes."""
        with project.up() as up:
            up.ready()
            found = project.services()
            up.process.kill()

            wait_until(lambda: not any(is_alive(service["pid"]) for service in found.values()), "they ended")
            assert {"traces stop", "cosmos stop", "servicebus stop", "functions stop"} == set(project.noted()[5:])

    def test_the_next_start_waits_for_services_that_still_wind_up(self, project: Project) -> None:
        """They hold the data folder as long as they live, so nobody runs over it beside them."""
        project.faults(cosmos={"stubborn": True})
        with project.up() as first:
            first.ready()
            cosmos = project.services()["cosmos"]["url"]
            first.process.kill()
            first.process.wait()
            project.faults()
            with project.up() as second:
                second.says("waiting for the services of an earlier stack to end")
                assert "devstack: cosmos ready" not in second.output
                end_service(cosmos, 0)

                second.ready()

    def test_after_a_kill_of_the_whole_group_the_next_start_just_works(self, project: Project) -> None:
        """No lock and no state file is left that anybody had to remove."""
        with project.up() as up:
            up.ready()
            found = project.services()
            up.signal_group(signal.SIGKILL)
            up.ends()
            wait_until(lambda: not any(is_alive(service["pid"]) for service in found.values()), "all are killed")
            assert "running (pid" not in project.run("status").stdout
        with project.up() as up:
            up.ready()


class TestRefusal:
    def test_a_second_stack_over_the_same_data_is_one_line_with_the_pid_of_the_first(self, project: Project) -> None:
        with project.up() as up:
            up.ready()

            second = project.run("up")
            assert 1 == second.returncode
            assert second.stderr.startswith(f"devstack: a stack already runs over .devstack (pid {up.process.pid}); ")
            assert 1 == len(second.stderr.splitlines())
            assert [
                "traces start",
                "cosmos start",
                "servicebus start",
                "operate start",
                "functions start",
            ] == project.noted()

    def test_a_stack_over_other_data_runs_beside_it(self, project: Project) -> None:
        with project.up() as first, project.up(DEVSTACK_DATA=".other") as second:
            first.ready()
            second.ready()

    @pytest.mark.parametrize(
        "variable",
        ["DEVSTACK_COSMOS_PORT", "DEVSTACK_SERVICEBUS_PORT", "DEVSTACK_TRACES_PORT", "DEVSTACK_FUNCTIONS_PORT"],
    )
    def test_a_taken_port_is_refused_with_its_holder_before_anything_starts(
        self, project: Project, variable: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            refused = project.run("up", **{variable: str(port)})

        assert 3 == refused.returncode
        assert refused.stderr.startswith(f"devstack: port {port} is taken by ")
        assert f"(pid {os.getpid()}); end that, or choose another port with {variable}=<port>" in refused.stderr
        assert [] == project.noted()

    def test_the_ports_of_several_hosts_are_asked_for_as_well(self, project: Project) -> None:
        """Port P is the front, P+1 to P+N are the hosts."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            refused = project.run("up", "--instances", "2", DEVSTACK_FUNCTIONS_PORT=str(port - 2))

        assert f"port {port} is taken by " in refused.stderr

    def test_one_port_for_two_services_is_refused(self, project: Project) -> None:
        refused = project.run("up", DEVSTACK_FUNCTIONS_PORT="8080", DEVSTACK_COSMOS_PORT="8081")

        assert 1 == refused.returncode
        assert "port 8081 is wanted for Cosmos DB and for the functions (8080 to 8081)" in refused.stderr
        refused = project.run("up", DEVSTACK_FUNCTIONS_PORT="8080", DEVSTACK_SERVICEBUS_PORT="8081")
        assert "port 8081 is wanted for Service Bus and for the functions (8080 to 8081)" in refused.stderr
        refused = project.run("up", DEVSTACK_COSMOS_PORT="8080", DEVSTACK_SERVICEBUS_PORT="8080")
        assert "port 8080 is wanted for Cosmos DB and for Service Bus" in refused.stderr
        refused = project.run("up", DEVSTACK_SERVICEBUS_PORT="8080", DEVSTACK_TRACES_PORT="8080")
        assert "port 8080 is wanted for Service Bus and for traces; set DEVSTACK_TRACES_PORT" in refused.stderr

    @pytest.mark.parametrize(("found", "age"), [("0", "an older"), ("99", "a newer")])
    def test_data_of_another_format_is_left_alone(self, project: Project, found: str, age: str) -> None:
        project.data.mkdir()
        (project.data / "devstack-format").write_text(found)
        refused = project.run("up")

        assert 4 == refused.returncode
        assert (
            f"devstack: .devstack was written by {age} devstack (format {found}, this one writes 1)" in refused.stderr
        )
        assert [] == project.noted()

    def test_a_folder_with_other_files_is_no_data_folder(self, project: Project) -> None:
        """A mistyped DEVSTACK_DATA neither gets files written into it nor is removed by `reset`."""
        (project.root / "thesis").mkdir()
        (project.root / "thesis" / "chapter-1.md").touch()
        for command in ("up", "reset"):
            refused = project.run(command, DEVSTACK_DATA="thesis")

            assert 4 == refused.returncode
            assert "devstack: thesis holds other files than the stack's data" in refused.stderr
            assert ["chapter-1.md"] == [path.name for path in (project.root / "thesis").iterdir()]

    def test_a_settings_file_that_is_no_json_is_named(self, project: Project) -> None:
        (project.root / "local.settings.json").write_text("{")
        refused = project.run("up")

        assert 1 == refused.returncode
        assert "devstack: local.settings.json is not JSON" in refused.stderr
        assert [] == project.noted()

    def test_a_port_that_is_none_is_named(self, project: Project) -> None:
        refused = project.run("up", DEVSTACK_COSMOS_PORT="eight")

        assert "devstack: DEVSTACK_COSMOS_PORT is 'eight'; it takes a port number, 0 to 65535\n" == refused.stderr
