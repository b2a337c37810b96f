"""Hosts and a broker as their users start them: real processes, a foreign app, and a kill now and then."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulators.amqp.message import Message
from emulators.servicebus.server import connection_string
from emulators.tests.functions.engines import told
from emulators.tests.functions.processes import Service, request, running, until
from emulators.tests.functions.servicebus.sending import message, sending

pytestmark = pytest.mark.usefixtures("engine")

FOREIGN_APP = Path(__file__).parents[2] / "foreign_app"
PROPERTIES = {"LockDuration": "PT1M", "MaxDeliveryCount": 3}
CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {"Name": "alarms", "Properties": PROPERTIES},
                    {"Name": "digests", "Properties": PROPERTIES},
                    {"Name": "stations", "Properties": {**PROPERTIES, "RequiresSession": True, "MaxDeliveryCount": 10}},
                ],
                "Topics": [
                    {
                        "Name": "forecasts",
                        "Properties": {},
                        "Subscriptions": [{"Name": "storms", "Properties": PROPERTIES, "Rules": []}],
                    }
                ],
            }
        ],
        "Logging": {"Type": "File"},
    }
}


@dataclass
class Stack:
    """A broker and two hosts with the foreign app."""

    folder: Path
    port: int
    functions: Service
    url: str

    def send(self, entity: str, *messages: Message) -> None:
        async def send() -> None:
            async with sending(self.port, entity) as sender:
                await sender.send(messages)

        asyncio.run(send())

    def broker(self) -> Service:
        return broker(self.folder, self.port)

    def stations(self) -> dict[str, list[str]]:
        """What each station reported, in the order of the first deliveries."""
        found: dict[str, list[str]] = {}
        for session, body in re.findall(r"^station: (\S+) (\S+) \d+$", self.functions.text, re.MULTILINE):
            if body not in found.setdefault(session, []):
                found[session].append(body)
        return found

    def report_in_order(self, expected: dict[str, list[str]]) -> None:
        """Wait until all stations have reported everything; then it was in their order."""
        count = sum(len(bodies) for bodies in expected.values())
        until(lambda: sum(len(bodies) for bodies in self.stations().values()) >= count, "every station has reported")
        assert expected == self.stations()


def broker(folder: Path, port: int) -> Service:
    """A broker, with its data in a folder."""
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    options = ["--port", str(port), "--config", str(config), "--data", str(folder / "data"), "--hurry", "50"]
    return Service("emulators.servicebus", *options)


def ready(service: Service) -> int:
    """The port of a broker, once it serves."""
    return int(service.says(r"ready at amqp://localhost:(\d+)")[0][1])


@contextmanager
def started_hosts(folder: Path, port: int) -> Iterator[Stack]:
    environment = {"BUS": connection_string(port), "ALARMS": "alarms", "HEARTBEAT": "0 0 0 1 1 *"}
    environment |= {"WEATHER": "AccountEndpoint=http://localhost:1/;AccountKey=a2V5;", "WEATHER_DATABASE": "none"}
    options = ["--port", "0", "--app", str(FOREIGN_APP), "--ephemeral", "--instances", "2", "--hurry", "50"]
    with running("emulators.functions", *options, environment=environment) as functions:
        yield Stack(folder, port, functions, functions.url())


@pytest.mark.verified("docs", feature="Service Bus trigger: queue, topic, sessions and batches in a foreign app")
def test_every_kind_of_function_gets_its_messages(tmp_path: Path) -> None:
    with ExitStack() as stack:
        bus = broker(tmp_path, 0)
        stack.callback(bus.close)
        hosts = stack.enter_context(started_hosts(tmp_path, ready(bus)))
        hosts.send("alarms", message("fire"), message("false"))
        hosts.send("forecasts", message("wind", application_properties={"beaufort": 11}))
        hosts.send("digests", message("a"), message("b"))
        hosts.send("stations", *(message(str(number), session="north") for number in range(3)))
        hosts.functions.says(r"^alarm: fire 1$")
        hosts.functions.says(r"^storm: wind \{'beaufort': 11\}$")
        hosts.functions.says(r"\[\d\] digest ok \d messages? \d+ ms")
        hosts.functions.says(r"\[\d\] station ok message 3 of session north \d+ ms")
        hosts.functions.says(
            r"alarm FAILED message 2 \(delivery 3\) \d+ ms: " + re.escape(told(ValueError("a false alarm")))
        )
        assert {"north": ["0", "1", "2"]} == hosts.stations()
        assert {"alarm", "storm", "station", "digest"} <= {
            each["name"] for each in request(f"{hosts.url}/admin/functions").json()
        }
        assert 0 == hosts.functions.stop()


@pytest.mark.verified("docs", feature="Service Bus trigger: a host that dies")
def test_after_a_kill_another_host_goes_on_with_the_sessions_in_order(tmp_path: Path) -> None:
    with ExitStack() as stack:
        bus = broker(tmp_path, 0)
        stack.callback(bus.close)
        hosts = stack.enter_context(started_hosts(tmp_path, ready(bus)))
        sessions = [f"s{number}" for number in range(8)]
        expected = {session: [str(number) for number in range(30)] for session in sessions}
        hosts.send("stations", *(message(str(number), session=each) for number in range(30) for each in sessions))
        victim = int(hosts.functions.says(r"^station: \S+ \d+ (\d+)$", times=20)[-1][1])
        os.kill(victim, signal.SIGKILL)
        hosts.functions.says(r"host \d ended with status -9")
        hosts.report_in_order(expected)


@pytest.mark.verified("docs", feature="Service Bus trigger: a broker that is away is waited for")
def test_hosts_serve_without_the_broker_and_outlive_its_death(tmp_path: Path, unused_tcp_port: int) -> None:
    with ExitStack() as stack:
        hosts = stack.enter_context(started_hosts(tmp_path, unused_tcp_port))
        hosts.functions.says(r"station cannot receive from 'stations': cannot connect to localhost:\d+: .*; again in")
        assert 200 == request(f"{hosts.url}/api/process").status
        bus = hosts.broker()
        stack.callback(bus.close)
        ready(bus)
        sessions = [f"s{number}" for number in range(8)]
        expected = {session: [str(number) for number in range(20)] for session in sessions}
        hosts.send("stations", *(message(str(number), session=each) for number in range(20) for each in sessions))
        hosts.functions.says(r"^station: ", times=30)
        bus.process.kill()
        bus.ends()
        again = hosts.broker()
        stack.callback(again.close)
        ready(again)
        hosts.report_in_order(expected)
        assert 0 == hosts.functions.stop()


SENDING_APP = """
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
@app.route("alarms/{name}")
@app.service_bus_queue_output(arg_name="alarm", connection="Bus", queue_name="%QUEUE%")
def send(req: func.HttpRequest, alarm: func.Out[str]) -> func.HttpResponse:
    alarm.set(req.route_params["name"])
    return func.HttpResponse(status_code=202)
@app.service_bus_queue_trigger(arg_name="alarm", connection="Bus", queue_name="%QUEUE%")
def ring(alarm: func.ServiceBusMessage) -> None:
    print(f"rings: {alarm.get_body().decode()} {alarm.content_type}", flush=True)
"""


@pytest.mark.verified("docs", feature="Service Bus output: a message")
def test_a_host_sends_and_receives_over_one_namespace(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "function_app.py").write_text(SENDING_APP)
    (app / "host.json").write_text('{"version": "2.0"}')
    with ExitStack() as stack:
        bus = broker(tmp_path, 0)
        stack.callback(bus.close)
        local = {
            "IsEncrypted": False,
            "Values": {"QUEUE": "alarms"},
            "ConnectionStrings": {"Bus": connection_string(ready(bus))},
        }
        (app / "local.settings.json").write_text(json.dumps(local))
        options = ["--port", "0", "--app", str(app), "--ephemeral"]
        functions = stack.enter_context(running("emulators.functions", *options))
        assert 202 == request(f"{functions.url()}/api/alarms/fire").status
        functions.says(r"^rings: fire application/octet-stream$")
        assert 0 == functions.stop()
