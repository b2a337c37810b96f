"""The parts of the stack, each a process of its own: one is killed and started again while the others go on."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from emulators.tests.functions.processes import Service, request
from tests.e2e.stack import ROOT
from tests.registered import bus_config

BUS_KEY: Final = "the-key-of-the-bus"
COSMOS_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class Parts:
    """Cosmos DB and Service Bus on disk, and two Functions hosts under their supervisor, which replaces dead ones.

    The hosts run under this interpreter, unless another `python` is named; they may be told to ask for function keys.
    With 0 `instances` there are none.
    """

    def __init__(
        self,
        data: Path,
        *,
        instances: int = 2,
        hurry: int = 20,
        python: str = sys.executable,
        ask_for_keys: bool = False,
        **settings: str,
    ) -> None:
        self._data = data
        self._python = python
        self._asking = ("--enable-auth",) if ask_for_keys else ()
        self._hurry = str(hurry)
        self._instances = str(instances)
        self._services: dict[str, Service] = {}
        self._said_before: list[tuple[str, str]] = []
        self._ports = dict.fromkeys(("cosmos", "servicebus"), "0")
        self._entities = bus_config(data)
        cosmos, bus = self.start_again("cosmos"), self.start_again("servicebus")
        self._ports = {"cosmos": cosmos.rpartition(":")[2], "servicebus": bus.rpartition(":")[2]}
        self.bus_connection = (
            f"Endpoint=sb://localhost:{self._ports['servicebus']};SharedAccessKeyName=n;SharedAccessKey={BUS_KEY};"
            "UseDevelopmentEmulator=true;"
        )
        self.environment = {
            "COSMOS": f"AccountEndpoint={cosmos}/;AccountKey={COSMOS_KEY};",
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS": self.bus_connection,
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self._make_containers(ROOT)
        if instances:
            self.url = self.start_again("functions")

    @property
    def api(self) -> str:
        """It moves with `url` when the supervisor of the hosts is started again."""
        return f"{self.url}/api"

    def kill(self, part: str, chance: random.Random | None = None) -> None:
        """kill -9, and start it again: `cosmos`, `servicebus`, `functions`: the supervisor of the hosts, which end
        with it, or `host`: one of them.
        """
        if part == "host":
            pids = [pid for pid in self.hosts().values() if pid]
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill((chance or random.Random()).choice(pids), signal.SIGKILL)
        else:
            self.stop(part)
            self.start_again(part)

    def hosts(self) -> dict[int, int | None]:
        """The process ids of the hosts by their numbers, which stand in the lines that they print."""
        status = request(f"{self.url}/admin/host/status")
        return {host["host"]: host["pid"] for host in status.json()["hosts"]} if status.status == 200 else {}

    def provision(self, build: Path) -> None:
        """Makes what the build in that folder expects and is not there yet: containers, and entities of the bus."""
        self._make_containers(build)
        command = [sys.executable, "-m", "operate", "topology"]
        told = subprocess.run(command, cwd=build, capture_output=True, check=True)
        self._entities.write_bytes(told.stdout)
        # The local broker learns of its entities at its start.
        self.kill("servicebus")

    def stop(self, part: str) -> None:
        """kill -9; it stays away until `start_again`."""
        self._services[part].process.kill()
        self.ended(part)

    def ended(self, part: str) -> None:
        """It has ended, or is about to: returns once it has."""
        service = self._services.pop(part)
        service.ends()
        service.close()
        self._said_before.append((f"{part}, which has ended", service.text))

    def start_again(self, part: str) -> str:
        """On its port and its data; hosts get new ports. Gives its URL."""
        data = ("--data", str(self._data / part))
        if part == "functions":
            options = ("--app", str(ROOT), "--instances", self._instances, *self._asking)
            self.url = self._start(part, "--port", "0", *data, *options)
            return self.url
        of_bus = ("--no-duplicate-detection", "--control-port", "0", "--config", str(self._entities))
        options = ("--lag", "3") if part == "cosmos" else of_bus
        return self._start(part, "--port", self._ports[part], *data, *options)

    def control(self, part: str, path: str, content: object = None, method: str | None = None) -> Any:
        """What `part` answers at its control port: `cosmos` or `servicebus`; see control.py of either."""
        if part == "cosmos":
            url = f"http://localhost:{self._ports[part]}/_devstack/"
        else:
            url = self._services[part].says(r"control port of servicebus at (\S+)")[0][1]
        answer = request(url + path, method or ("GET" if content is None else "POST"), content)
        assert answer.status == 200, answer
        return answer.json()

    def says(self, part: str, pattern: str, times: int = 1) -> list[re.Match[str]]:
        """Waits until it has printed that so many times; the matches."""
        return self._services[part].says(pattern, times)

    def close(self) -> None:
        for service in reversed(self._services.values()):
            service.close()

    @property
    def said(self) -> list[tuple[str, str]]:
        """All that has been printed, by part."""
        return [*self._said_before, *((name, service.text) for name, service in self._services.items())]

    @property
    def output(self) -> str:
        return "\n".join(f"--- {name}\n{text[-20_000:]}" for name, text in self.said)

    def _make_containers(self, build: Path) -> None:
        command = [sys.executable, "-m", "operate", "provision"]
        subprocess.run(command, cwd=build, env={**os.environ, **self.environment}, check=True)

    def _start(self, part: str, *arguments: str) -> str:
        environment, python = (self.environment, self._python) if part == "functions" else (None, sys.executable)
        options = (*arguments, "--hurry", self._hurry)
        service = Service(f"emulators.{part}", *options, environment=environment, python=python)
        self._services[part] = service
        try:
            return service.says(r"^devstack: \w+ ready at (\w+://localhost:\d+)")[0][1]
        except BaseException:
            self.close()
            raise


@contextmanager
def parts(
    data: Path,
    *,
    instances: int = 2,
    hurry: int = 20,
    python: str = sys.executable,
    ask_for_keys: bool = False,
    **settings: str,
) -> Iterator[Parts]:
    """For the length of a block; what they have printed is shown when it fails."""
    made = Parts(data, instances=instances, hurry=hurry, python=python, ask_for_keys=ask_for_keys, **settings)
    try:
        yield made
    except BaseException:
        print(made.output)
        raise
    finally:
        made.close()
