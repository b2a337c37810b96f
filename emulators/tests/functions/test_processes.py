"""The host as its users start it: real processes, a foreign app, a real database, and a kill now and then."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey

from emulators.tests.functions.engines import chosen, told
from emulators.tests.functions.processes import Answer, Service, is_running, request, running, until

pytestmark = pytest.mark.usefixtures("engine")

FOREIGN_APP = Path(__file__).parents[1] / "foreign_app"
COSMOS = "emulators.cosmos"
FUNCTIONS = "emulators.functions"
KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


APP = """
import azure.functions as func
app = func.FunctionApp()
@app.route(route="hello")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")
"""

VARIABLE_APP = """
import os
import azure.functions as func
app = func.FunctionApp()
@app.route(route="variable/{name}")
def variable(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ[req.route_params["name"]])
"""

ASGI_APP = """
import azure.functions as func
async def answer(scope, receive, send):
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
app = func.AsgiFunctionApp(answer, func.AuthLevel.ANONYMOUS)
"""

TIMER_APP = """
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
def tick(timer: func.TimerRequest) -> None: ...
"""


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


@dataclass(frozen=True)
class Stack:
    """A database and two hosts with the foreign app."""

    database: DatabaseProxy
    functions: Service
    url: str

    @property
    def readings(self) -> ContainerProxy:
        return self.database.get_container_client("readings")

    def record(self, reading: dict[str, Any]) -> Answer:
        return request(f"{self.url}/api/readings", "POST", reading)

    def hosts(self) -> list[dict[str, Any]]:
        hosts: list[dict[str, Any]] = request(f"{self.url}/admin/host/status").json()["hosts"]
        return hosts

    def is_whole(self) -> bool:
        """Whether both hosts serve."""
        return all(host["running"] for host in self.hosts())

    def pid_of(self, host: str) -> int:
        pid: int = self.hosts()[int(host) - 1]["pid"]
        return pid

    def warmest(self) -> dict[str, int]:
        rows = self.database.get_container_client("warmest").query_items(
            "SELECT * FROM c", enable_cross_partition_query=True
        )
        return {row["id"]: row["by"] for row in rows}

    def leases(self) -> list[dict[str, Any]]:
        rows = self.database.get_container_client("leases").query_items(
            "SELECT * FROM c WHERE IS_DEFINED(c.LeaseToken)", enable_cross_partition_query=True
        )
        return list(rows)


@contextmanager
def started_stack(cosmos_url: str, database_name: str, *arguments: str) -> Iterator[Stack]:
    """Two hosts over a fresh database; leases live 1.2 s, are renewed every 0.3 s and looked for every 0.26 s."""
    database_name = f"{database_name}-{chosen()}"
    with CosmosClient(cosmos_url, KEY) as client:
        database = client.create_database(database_name)
        database.create_container("readings", PartitionKey("/station"))
        database.create_container("warmest", PartitionKey("/id"))
        environment = {
            "WEATHER": f"AccountEndpoint={cosmos_url}/;AccountKey={KEY};",
            "WEATHER_DATABASE": database_name,
            "HEARTBEAT": "* * * * * *",
        }
        options = ["--port", "0", "--app", str(FOREIGN_APP), "--ephemeral", "--instances", "2", "--hurry", "50"]
        with running(FUNCTIONS, *options, *arguments, environment=environment) as functions:
            yield Stack(database, functions, functions.url())


@pytest.fixture(scope="module")
def cosmos_url() -> Iterator[str]:
    with running(COSMOS, "--port", "0", "--ephemeral") as cosmos:
        yield cosmos.url()


@pytest.fixture(scope="module")
def stack(engine: str, cosmos_url: str) -> Iterator[Stack]:
    """One stack for the tests that leave it as it was."""
    with started_stack(cosmos_url, "shared") as running_stack:
        yield running_stack


class TestTwoHosts:
    @pytest.mark.verified("docs", feature="--instances")
    def test_requests_alternate_and_every_answer_names_its_host(self, stack: Stack) -> None:
        answers = [request(f"{stack.url}/api/process") for _ in range(4)]
        assert ["1", "2"] == sorted({answer.headers["x-devstack-host"] for answer in answers})
        assert 2 == len({answer.body for answer in answers})

    @pytest.mark.verified("docs", feature="--instances")
    def test_the_front_lists_the_hosts_and_each_answers_for_itself(self, stack: Stack) -> None:
        for host in stack.hosts():
            answer = request(f"{host['url']}/api/process")
            assert (str(host["host"]), str(host["pid"])) == (answer.headers["x-devstack-host"], answer.body.decode())

    @pytest.mark.verified("docs", feature="Loopback on both IP families")
    def test_both_ip_families_are_served(self, stack: Stack) -> None:
        for address in ("127.0.0.1", "[::1]"):
            assert 200 == request(stack.url.replace("localhost", address) + "/admin/host/ping").status

    @pytest.mark.verified("docs", feature="Service Bus connection strings")
    def test_a_function_that_is_not_driven_leaves_the_others_alone(self, stack: Stack) -> None:
        stack.functions.says(r"The 'storm' function is in error: .*'BUS' does not exist")
        assert 200 == request(f"{stack.url}/api/process").status

    @pytest.mark.verified("docs", feature="Timers: one host at a time")
    def test_a_timer_runs_on_one_host(self, stack: Stack) -> None:
        beats = stack.functions.says(r"\[(\d)\] heartbeat ok", times=3)
        assert 1 == len({beat[1] for beat in beats})


class TestBindings:
    @pytest.mark.verified("trace", feature="Cosmos DB output")
    def test_an_output_is_written_after_the_function_returned(self, stack: Stack) -> None:
        assert 201 == stack.record({"id": "out", "station": "north", "celsius": 1}).status
        assert 1 == stack.readings.read_item("out", "north")["celsius"]

    @pytest.mark.verified("trace", feature="Cosmos DB output: a failing write is 500")
    def test_a_failing_output_turns_the_answer_into_500(self, stack: Stack) -> None:
        assert (500, b"") == ((answer := request(f"{stack.url}/api/nowhere", "POST", {})).status, answer.body)
        stack.functions.says(r"record_nowhere FAILED POST /api/nowhere .*CosmosError: 404")

    @pytest.mark.verified("trace", feature="Cosmos DB input by id")
    def test_an_input_is_read_by_the_names_of_the_route(self, stack: Stack) -> None:
        stack.record({"id": "in", "station": "south", "celsius": 2})
        assert 2 == request(f"{stack.url}/api/readings/south/in").json()["celsius"]
        assert 404 == request(f"{stack.url}/api/readings/south/nobody").status

    @pytest.mark.verified("trace", feature="Cosmos DB input by query")
    def test_an_input_is_read_by_a_query(self, stack: Stack) -> None:
        stack.record({"id": "q1", "station": "west", "celsius": 3})
        stack.record({"id": "q2", "station": "west", "celsius": 3})
        assert ["q1", "q2"] == sorted(request(f"{stack.url}/api/readings/west").json())


class TestFeed:
    @pytest.mark.verified("trace", feature="Cosmos DB trigger: endless retry policies")
    def test_a_batch_is_retried_in_place_until_it_succeeds(self, stack: Stack) -> None:
        stack.record({"id": "wet", "station": "east", "celsius": 30, "fail": 2})
        stack.functions.says(r"find_warm FAILED .* \(retry 1\) .*: " + re.escape(told(ValueError("a sensor is wet"))))
        stack.functions.says(r"find_warm ok \d+ documents? \(retry 2\)")
        until(lambda: "wet" in stack.warmest(), "the reading is copied")

    @pytest.mark.verified("trace", feature="Cosmos DB trigger: a failure without a policy loses the batch")
    def test_without_a_policy_the_position_moves_on(self, stack: Stack) -> None:
        stack.record({"id": "lost", "station": "cold", "fail": 1})
        stack.record({"id": "after", "station": "cold"})
        stack.functions.says(r"find_cold Lease \d+ encountered an unhandled user exception .* LOST")
        stack.functions.says(r"^cold: after$")
        assert "cold: lost" not in stack.functions.text


@pytest.mark.verified("trace", feature="Cosmos DB trigger: SIGTERM")
def test_sigterm_ends_the_processes_and_releases_the_leases(cosmos_url: str) -> None:
    with started_stack(cosmos_url, "sigterm") as stack:
        stack.record({"id": "1", "station": "s", "celsius": 30})
        until(lambda: "1" in stack.warmest(), "the reading is copied")
        pids = [host["pid"] for host in stack.hosts()]
        assert 0 == stack.functions.stop()
        assert not any(is_running(pid) for pid in pids)
        assert {None} == {lease["Owner"] for lease in stack.leases()}
        assert {'"1"'} == {lease["ContinuationToken"] for lease in stack.leases()}


@pytest.mark.verified("trace", feature="Cosmos DB trigger: SIGKILL")
def test_after_a_kill_another_host_takes_the_leases_and_no_reading_is_lost(cosmos_url: str) -> None:
    with started_stack(cosmos_url, "sigkill") as stack:
        stack.record({"id": "0", "station": "s", "celsius": 30})
        holder = stack.functions.says(r"\[(\d)\] find_warm ok")[0][1]
        killed = stack.pid_of(holder)
        os.kill(killed, signal.SIGKILL)
        # A dying process may still take a connection and break it; a dead one is passed over.
        stack.functions.says(f"host {holder} ended with status -9")
        for number in range(1, 20):
            assert 201 == stack.record({"id": str(number), "station": "s", "celsius": 30}).status
        until(lambda: len(stack.warmest()) == 20, "every reading is copied")
        assert {str(number) for number in range(20)} == set(stack.warmest())
        until(lambda: stack.pid_of(holder) != killed, "the host is replaced")
        until(stack.is_whole, "it serves again")


@pytest.mark.verified("docs", feature="Timers: one host at a time")
def test_after_a_kill_another_host_takes_the_timer(app_dir: Path) -> None:
    (app_dir / "function_app.py").write_text(TIMER_APP)
    options = ["--port", "0", "--app", str(app_dir), "--ephemeral", "--instances", "2", "--hurry", "50"]
    with running(FUNCTIONS, *options) as functions:
        url = functions.url()
        holder = functions.says(r"\[(\d)\] tick ok")[0][1]
        hosts = request(f"{url}/admin/host/status").json()["hosts"]
        os.kill(hosts[int(holder) - 1]["pid"], signal.SIGKILL)
        functions.says(rf"\[{3 - int(holder)}\] tick ok")


@pytest.mark.verified("trace", feature="functionTimeout")
def test_a_function_that_runs_too_long_is_500_and_its_process_is_replaced(stack: Stack) -> None:
    before = {host["pid"] for host in stack.hosts()}
    assert 500 == request(f"{stack.url}/api/sleep/15").status
    stack.functions.says("a function ran into functionTimeout")
    until(lambda: 1 == len(before & {host["pid"] for host in stack.hosts()}), "one process is a new one")
    until(stack.is_whole, "both hosts serve again")


@pytest.mark.verified("trace", feature="A handler that ends its process")
def test_a_handler_that_exits_ends_its_process_which_is_replaced(stack: Stack) -> None:
    assert 500 == request(f"{stack.url}/api/crash").status
    stack.functions.says(r"host \d ended with status 4")
    # Only one of them: the front never sends a request again that a host has received.
    assert 1 == stack.functions.text.count("A handler ended the process")
    until(stack.is_whole, "both hosts serve again")


class TestCommandLine:
    def options(self, app_dir: Path, *more: str) -> list[str]:
        return ["--port", "0", "--app", str(app_dir), *(more or ("--ephemeral",))]

    @pytest.mark.verified("docs", feature="Command line")
    def test_a_taken_port_is_named_and_the_status_is_3(self, app_dir: Path) -> None:
        with running(FUNCTIONS, *self.options(app_dir)) as first:
            port = first.url().rpartition(":")[2]
            with running(FUNCTIONS, "--port", port, "--app", str(app_dir), "--ephemeral") as second:
                assert 3 == second.ends()
                assert second.text.startswith(f"devstack: port {port} is taken")
                assert 1 == second.text.count("\n")

    @pytest.mark.verified("trace", feature="Thread pool")
    def test_the_worker_is_told_of_a_thousand_threads_unless_the_app_says_otherwise(self, app_dir: Path) -> None:
        (app_dir / "function_app.py").write_text(VARIABLE_APP)
        for environment, threads in (({}, b"1000"), ({"PYTHON_THREADPOOL_THREAD_COUNT": "7"}, b"7")):
            with running(FUNCTIONS, *self.options(app_dir), environment=environment) as service:
                answer = request(f"{service.url()}/api/variable/PYTHON_THREADPOOL_THREAD_COUNT")
                assert threads == answer.body, service.text

    @pytest.mark.verified("docs", feature="Command line")
    @pytest.mark.parametrize(
        "arguments", [["--ephemeral", "--app", "/nowhere"], [], ["--ephemeral", "--instances", "0"]]
    )
    def test_bad_arguments_have_status_2(self, arguments: list[str]) -> None:
        with running(FUNCTIONS, *arguments) as service:
            assert 2 == service.ends()

    @pytest.mark.verified("docs", feature="host.json")
    def test_an_entry_that_stops_the_real_host_is_named_and_nothing_starts(self, app_dir: Path) -> None:
        (app_dir / "host.json").write_text('{"version": "2.0", "functionTimeout": "one minute"}')
        with running(FUNCTIONS, *self.options(app_dir)) as service:
            assert 2 == service.ends()
            assert "functionTimeout" in service.text

    @pytest.mark.verified("docs", feature="host.json: as people write it")
    def test_what_has_no_effect_in_the_files_is_told_once_and_the_app_runs(self, app_dir: Path) -> None:
        (app_dir / "host.json").write_text('{"version": "2.0", /* soon */ "functionTimout": "00:01:00"}')
        (app_dir / "local.settings.json").write_text('{"IsEncrypted": false, "Values": {"A": null,}}')
        with running(FUNCTIONS, *self.options(app_dir, "--ephemeral", "--instances", "2")) as service:
            assert 200 == request(f"{service.url()}/api/hello").status
            assert 1 == service.text.count("devstack: host.json: functionTimout is not known")
            assert 1 == service.text.count("devstack: local.settings.json: 'A' is skipped")

    @pytest.mark.verified("docs", feature="host.json: retry")
    def test_a_policy_of_host_json_is_for_functions_without_one(self, app_dir: Path) -> None:
        retry = {"strategy": "fixedDelay", "maxRetryCount": 1, "delayInterval": "00:00:01"}
        (app_dir / "host.json").write_text(json.dumps({"version": "2.0", "retry": retry}))
        (app_dir / "function_app.py").write_text(TIMER_APP.replace("-> None: ...", "-> None:\n    raise ValueError"))
        with running(FUNCTIONS, *self.options(app_dir, "--ephemeral", "--hurry", "50")) as service:
            service.says(r"tick FAILED timer \(retry 1\)")

    @pytest.mark.verified("docs", feature="HTTP routes: what stops the host")
    def test_an_asgi_app_under_the_default_prefix_stops_the_host_and_runs_without_one(self, app_dir: Path) -> None:
        (app_dir / "function_app.py").write_text(ASGI_APP)
        with running(FUNCTIONS, *self.options(app_dir)) as service:
            assert 2 == service.ends()
            assert "creating the route with template 'api//{*route}'" in service.text
            assert "devstack: the host cannot start with this app" in service.text
            assert "ready at" not in service.text
        (app_dir / "host.json").write_text('{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}')
        with running(FUNCTIONS, *self.options(app_dir)) as service:
            assert b"/any/path" == request(f"{service.url()}/any/path").body

    @pytest.mark.verified("docs", feature="Data folders")
    def test_a_data_folder_of_another_format_says_what_to_do(self, app_dir: Path, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "functions-format").write_text("0\n")
        with running(FUNCTIONS, *self.options(app_dir, "--data", str(data))) as service:
            assert 4 == service.ends()
            assert "move the folder away" in service.text

    @pytest.mark.verified("trace", feature="Indexing")
    def test_a_broken_app_runs_on_with_no_function_and_an_edit_mends_it(self, app_dir: Path) -> None:
        (app_dir / "function_app.py").write_text("import nowhere_to_be_found\n")
        with running(FUNCTIONS, *self.options(app_dir, "--ephemeral", "--reload")) as service:
            url = service.url()
            assert "0 functions found: ModuleNotFoundError" in service.text
            assert 404 == request(f"{url}/api/hello").status
            (app_dir / "function_app.py").write_text(APP)
            service.says("function_app.py changed")
            until(lambda: 200 == request(f"{url}/api/hello").status, "the app answers")

    @pytest.mark.verified("trace", feature="Indexing")
    def test_an_edit_while_the_app_is_loaded_is_not_lost(self, app_dir: Path) -> None:
        edit = 'from pathlib import Path\nPath(__file__).with_name("edited.py").touch()\n'
        (app_dir / "function_app.py").write_text(edit + APP)
        with running(FUNCTIONS, *self.options(app_dir, "--ephemeral", "--reload")) as service:
            service.says("edited.py changed")

    @pytest.mark.verified("trace", feature="A handler that ends its process")
    def test_a_request_waits_while_the_only_host_is_replaced(self, app_dir: Path) -> None:
        with running(FUNCTIONS, *self.options(app_dir)) as service:
            (host,) = request(f"{service.url()}/admin/host/status").json()["hosts"]
            os.kill(host["pid"], signal.SIGKILL)
            service.says("host 1 ended with status -9")
            assert 200 == request(f"{service.url()}/api/hello").status

    @pytest.mark.verified("docs", feature="Function keys")
    def test_keys_are_asked_for_and_stand_in_the_data_folder(self, app_dir: Path, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with running(FUNCTIONS, *self.options(app_dir, "--data", str(data), "--enable-auth")) as service:
            url = service.url()
            assert 401 == request(f"{url}/api/hello").status
            key = json.loads((data / "keys.json").read_text())["functionKeys"]["default"]
            assert 200 == request(f"{url}/api/hello", headers={"x-functions-key": key}).status

    @pytest.mark.verified("docs", feature="Function keys")
    @pytest.mark.parametrize("functions", ['{"hello": {"reader": "k"}}', '{"hello": ""}', '["hello"]', "{"])
    def test_keys_that_somebody_broke_are_told_and_nothing_starts(
        self, app_dir: Path, tmp_path: Path, functions: str
    ) -> None:
        data = tmp_path / "data"
        data.mkdir()
        keys = f'{{"masterKey": "m", "functionKeys": {{"default": "d"}}, "functions": {functions}}}'
        (data / "keys.json").write_text(keys)
        with running(FUNCTIONS, *self.options(app_dir, "--data", str(data), "--enable-auth")) as service:
            assert 4 == service.ends()
            assert '"functions": {"its name": "its key"}' in service.text
            assert "Traceback" not in service.text

    @pytest.mark.verified("docs", feature="Supervision")
    def test_nothing_outlives_a_killed_supervisor(self, app_dir: Path, tmp_path: Path) -> None:
        with running(FUNCTIONS, *self.options(app_dir), environment={"DEVSTACK_SUPERVISED": "1"}) as service:
            (host,) = request(f"{service.url()}/admin/host/status").json()["hosts"]
            assert service.process.stdin is not None
            service.process.stdin.close()
            assert 0 == service.ends()
            assert not is_running(host["pid"])
        with running(FUNCTIONS, *self.options(app_dir, "--data", str(tmp_path / "data"))) as service:
            (host,) = request(f"{service.url()}/admin/host/status").json()["hosts"]
            service.process.kill()
            until(lambda: not is_running(host["pid"]), "the host ends with its supervisor")

    @pytest.mark.verified("docs", feature="Settings")
    def test_an_app_imports_nothing_from_the_folder_that_devstack_was_started_in(self, app_dir: Path) -> None:
        (app_dir / "function_app.py").write_text("import tests\n" + APP)
        with running(FUNCTIONS, *self.options(app_dir)) as service:
            service.url()
            assert "0 functions found: ModuleNotFoundError: No module named 'tests'" in service.text
