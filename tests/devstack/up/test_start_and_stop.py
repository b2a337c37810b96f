"""`up`, from its first process to its last."""

import contextlib
import json
import os
import re
import signal

import pytest

from tests.devstack.up.project import PATIENCE, Project, wait_until

BUS_ELSEWHERE = "Endpoint=sb://orders.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0"
ELSEWHERE = "AccountEndpoint=https://orders.documents.azure.com:443/;AccountKey=c2VjcmV0;"


class TestStart:
    def test_cosmos_is_provisioned_before_the_functions_start(self, project: Project) -> None:
        """The order is traces, Cosmos DB, Service Bus, provisioning, functions; the last line says where they are."""
        with project.up() as up:
            ready = up.ready().says("devstack: ready — ")

            found = project.services()
            assert [
                "traces start",
                "cosmos start",
                "servicebus start",
                "operate start",
                "functions start",
            ] == project.noted()
            assert (
                f"devstack: ready — {found['functions']['url']}/api (functions), {found['cosmos']['url']} (Cosmos DB), "
                f"{found['servicebus']['url']} (Service Bus), {found['traces']['url']}/traces (traces), "
                "data in .devstack; Ctrl-C stops it\n"
            ) == ready

    def test_a_service_with_a_dashboard_says_where_it_is(self, project: Project) -> None:
        (project.root / "api" / "dashboard").mkdir(parents=True)
        with project.up() as up:
            ready = up.ready().says("devstack: ready — ")
            url = project.services()["functions"]["url"]
            assert f"/traces (traces), {url}/api/dashboard (dashboard), data in .devstack; " in ready

    def test_the_connection_string_follows_the_port(self, project: Project) -> None:
        """Provisioning and functions get the address at which Cosmos DB really listens."""
        with project.up() as up:
            up.ready()

            url = project.services()["cosmos"]["url"]
            *_, operate, functions = project.journal()
            assert operate["cosmos"].startswith(f"AccountEndpoint={url}/;AccountKey=C2y6")
            assert operate["cosmos"] == functions["cosmos"]
            bus = project.services()["servicebus"]["url"].removeprefix("http://")
            assert functions["servicebus"].startswith(f"Endpoint=sb://{bus};SharedAccessKeyName=")
            assert functions["servicebus"].endswith("UseDevelopmentEmulator=true;")

    def test_a_cosmos_of_the_users_environment_wins_and_is_named_without_its_key(self, project: Project) -> None:
        """Who names another account gets it, and reads so at the start."""
        with project.up(COSMOS=ELSEWHERE) as up:
            up.ready()

            *_, operate, functions = project.journal()
            assert [ELSEWHERE, ELSEWHERE] == [operate["cosmos"], functions["cosmos"]]
            assert "COSMOS in the environment names https://orders.documents.azure.com:443/" in up.output
            assert "c2VjcmV0" not in up.output

    def test_an_account_named_by_its_endpoint_gets_no_connection_string_beside_it(self, project: Project) -> None:
        """The identity-based form of the setting counts as the user's own, too."""
        with project.up(COSMOS__accountEndpoint="https://orders.documents.azure.com:443/") as up:
            up.ready()

            assert [None, None] == [entry["cosmos"] for entry in project.journal()[3:]]

    @pytest.mark.parametrize("name", ["SERVICEBUS", "SERVICEBUS__fullyQualifiedNamespace"])
    def test_a_namespace_of_the_users_environment_wins(self, project: Project, name: str) -> None:
        """Who names another Service Bus gets it, and reads so at the start, without its key."""
        value = BUS_ELSEWHERE if name == "SERVICEBUS" else "orders.servicebus.windows.net"
        with project.up(**{name: value}) as up:
            up.ready()

            expected = value if name == "SERVICEBUS" else None
            assert [expected, expected] == [entry["servicebus"] for entry in project.journal()[3:]]
            assert re.search("SERVICEBUS in the environment names .*orders.servicebus.windows.net", up.output)
            assert "c2VjcmV0" not in up.output

    def test_the_functions_export_to_the_receiver_that_was_started(self, project: Project) -> None:
        """Soon enough for somebody who looks."""
        with project.up(OTEL_EXPORTER_OTLP_HEADERS="a=b") as up:
            up.ready()

            exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": project.services()["traces"]["url"]}
            exported |= {"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}
            exported |= {"OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_METRIC_EXPORT_INTERVAL": "5000"}
            assert exported == project.journal()[-1]["telemetry"]

    @pytest.mark.parametrize(
        ("value", "named"),
        [("https://u:secret@traces.example:4318/v1?key=secret", "https://traces.example:4318"), ("", "nowhere")],
    )
    def test_a_collector_of_the_users_environment_wins_and_an_empty_one_turns_traces_off(
        self, project: Project, value: str, named: str
    ) -> None:
        with project.up(OTEL_EXPORTER_OTLP_ENDPOINT=value) as up:
            up.ready()

            assert {"OTEL_EXPORTER_OTLP_ENDPOINT": value} == project.journal()[-1]["telemetry"]
            assert f"by OTEL_EXPORTER_OTLP_ENDPOINT in the environment traces go to {named}, not" in up.output
            assert "secret" not in up.output
            status = json.loads(project.run("status", "--json").stdout)
            assert {"OTEL_EXPORTER_OTLP_ENDPOINT": named} == status["elsewhere"]

    def test_another_collector_in_the_settings_file_is_not_overridden_in_silence(self, project: Project) -> None:
        project.settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://traces.example"})
        with project.up() as up:
            up.ready()

            assert "local.settings.json has OTEL_EXPORTER_OTLP_ENDPOINT, but traces go to the local" in up.output

    def test_another_account_in_the_settings_file_is_not_overridden_in_silence(self, project: Project) -> None:
        """The stack uses its own Cosmos DB, and says how to have another."""
        project.settings({"COSMOS": ELSEWHERE})
        with project.up() as up:
            up.ready()

            assert "local.settings.json names https://orders.documents.azure.com:443/" in up.output
            assert ELSEWHERE not in [entry["cosmos"] for entry in project.journal()]

    def test_options_reach_the_services_that_know_them(self, project: Project) -> None:
        """`--hurry` is for all, `--instances` and `--engine` for the functions, `--lag` for Cosmos DB."""
        with project.up("--instances", "2", "--hurry", "10", "--lag", "3", "--engine", "own") as up:
            up.ready()

            _, cosmos, bus, _, functions = (" ".join(entry["arguments"]) for entry in project.journal())
            data = project.data
            assert f"--port 0 --data {data}/cosmos --hurry 10 --lag 3" == cosmos
            entities = data / "servicebus.json"
            assert f"--config {entities} --port 0 --data {data}/servicebus --hurry 10" == bus
            alone = "--instances 2 --hurry 10 --engine own"
            assert f"--port 0 --app {project.root} --data {data}/functions {alone}" == functions
            assert "divided by 10" in up.output

    def test_the_output_of_the_services_is_shown_under_their_names(self, project: Project) -> None:
        with project.up() as up:
            up.ready()
            assert up.says("cosmos ready at").startswith("cosmos     | devstack: ")


class TestStop:
    def test_ctrl_c_stops_the_functions_before_the_cosmos_that_they_use(self, project: Project) -> None:
        """The terminal signals the whole group at once; the order is kept nevertheless, and the status is 0."""
        with project.up() as up:
            up.ready().signal_group(signal.SIGINT)

            assert 0 == up.ends()
            assert ["functions stop", "servicebus stop", "cosmos stop", "traces stop"] == project.noted()[5:]
            assert "stopped; the data stays in .devstack" in up.output

    def test_sigterm_stops_all(self, project: Project) -> None:
        with project.up() as up:
            up.ready().process.terminate()

            assert 0 == up.ends()
            assert ["functions stop", "servicebus stop", "cosmos stop", "traces stop"] == project.noted()[5:]

    def test_a_request_while_it_starts_is_heard(self, project: Project) -> None:
        """Here the functions never get ready."""
        project.faults(functions={"mute": True})
        with project.up() as up:
            wait_until(lambda: "functions start" in project.noted(), "functions start")
            up.process.terminate()

            assert 0 == up.ends()
            assert ["functions stop", "servicebus stop", "cosmos stop", "traces stop"] == project.noted()[5:]

    def test_a_signal_to_the_process_and_to_its_group_is_one_request(self, project: Project) -> None:
        """`timeout` and `make` send both; the services still end in their own time."""
        with project.up() as up:
            up.ready().process.terminate()
            up.process.send_signal(signal.SIGINT)

            assert 0 == up.ends()
            assert ["functions stop", "servicebus stop", "cosmos stop", "traces stop"] == project.noted()[5:]

    def test_asked_twice_it_does_not_wait_for_a_service_that_hangs(self, project: Project) -> None:
        project.faults(functions={"stubborn": True})
        with project.up() as up:
            up.ready().process.terminate()
            up.says("devstack: stopping")

            def asked_again() -> bool:
                up.process.terminate()
                return "ending all at once" in up.output or up.process.poll() is not None

            wait_until(asked_again, "the second request is heard")
            assert 0 == up.ends()

    @pytest.mark.parametrize("lines", [0, 1])
    def test_an_output_that_nobody_reads_any_more_stops_the_stack(self, project: Project, lines: int) -> None:
        """`make run | head -n 1` ends."""
        reader, writer = os.pipe()
        process = project.start("up", output=writer)
        os.close(writer)
        try:
            with os.fdopen(reader) as output:
                for _ in range(lines):
                    assert output.readline()

            assert 0 == process.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
