"""The parts of the stack, each a process of its own: one is killed and started again while the others go on."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.devstack.functions.processes import Service, request
from tests.e2e.stack import ROOT

_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class Parts:
    """Cosmos DB and Service Bus on disk, and two Functions hosts under their supervisor, which replaces dead ones."""

    def __init__(self, data: Path, *, instances: int = 2, hurry: int = 20, **settings: str) -> None:
        self._data = data
        self._hurry = str(hurry)
        self._services: dict[str, Service] = {}
        cosmos = self._start("cosmos", "--port", "0", "--data", str(data / "cosmos"), "--lag", "3")
        bus = self._start("servicebus", "--port", "0", "--data", str(data / "servicebus"), "--no-duplicate-detection")
        self._ports = {"cosmos": cosmos.rpartition(":")[2], "servicebus": bus.rpartition(":")[2]}
        self.bus_connection = (
            f"Endpoint=sb://localhost:{self._ports['servicebus']};SharedAccessKeyName=n;SharedAccessKey=k;"
            "UseDevelopmentEmulator=true;"
        )
        self._environment = {
            "COSMOS": f"AccountEndpoint={cosmos}/;AccountKey={_KEY};",
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS": self.bus_connection,
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        environment = {**os.environ, **self._environment}
        subprocess.run([sys.executable, "-m", "operate", "provision"], cwd=ROOT, env=environment, check=True)
        app = ("--app", str(ROOT), "--data", str(data / "functions"), "--instances", str(instances))
        self.url = self._start("functions", "--port", "0", *app)
        self.api = f"{self.url}/api"

    def kill(self, part: str) -> None:
        """kill -9, and start it again: `cosmos`, `servicebus`, or `host`: one of the hosts."""
        if part == "host":
            hosts = request(f"{self.url}/admin/host/status").json()["hosts"]
            pids = [host["pid"] for host in hosts if host["pid"]]
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)
        else:
            self.stop(part)
            self.start_again(part)

    def stop(self, part: str) -> None:
        """kill -9 of Cosmos DB or Service Bus; it stays away until `start_again`."""
        service = self._services.pop(part)
        service.process.kill()
        service.close()

    def start_again(self, part: str) -> None:
        """On its port and its data."""
        options = ("--lag", "3") if part == "cosmos" else ("--no-duplicate-detection",)
        self._start(part, "--port", self._ports[part], "--data", str(self._data / part), *options)

    def close(self) -> None:
        for service in reversed(self._services.values()):
            service.close()

    @property
    def output(self) -> str:
        return "\n".join(f"--- {name}\n{service.text[-20_000:]}" for name, service in self._services.items())

    def _start(self, part: str, *arguments: str) -> str:
        environment = self._environment if part == "functions" else None
        service = Service(f"devstack.{part}", *arguments, "--hurry", self._hurry, environment=environment)
        self._services[part] = service
        try:
            return service.says(r"^devstack: \w+ ready at (\w+://localhost:\d+)")[0][1]
        except BaseException:
            self.close()
            raise


@contextmanager
def parts(data: Path, *, instances: int = 2, hurry: int = 20, **settings: str) -> Iterator[Parts]:
    """For the length of a block; what they have printed is shown when it fails."""
    made = Parts(data, instances=instances, hurry=hurry, **settings)
    try:
        yield made
    except BaseException:
        print(made.output)
        raise
    finally:
        made.close()
