"""Builds of the service beside each other, over one store and one bus: this tree, and copies of it with patches."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emulators.tests.functions.processes import Service, request
from tests.e2e.copies import copied_project, set_up
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import ROOT

_PATCHES: Final = Path(__file__).resolve().parent / "patches"


def build_with(folder: Path, *patches: str) -> Path:
    """Makes `folder` this project with these patches applied, one upon the other."""
    folder.mkdir()
    copied_project(folder)
    # Inside the folder of another repository, git would look there.
    outside = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    for name in patches:
        subprocess.run(["git", "apply", str(_PATCHES / f"{name}.patch")], cwd=folder, env=outside, check=True)
    set_up(folder)
    return folder


@dataclass
class Apps:
    """Function apps, a host each, over the store and the bus of `backing`.

    Requests go to those of them that run in turn, or to the one that has the `traffic`.
    """

    backing: Parts
    data: Path
    traffic: str | None = None
    _running: dict[str, Service] = field(default_factory=dict)
    _turns: Iterator[int] = field(default_factory=itertools.count)
    _said_before: list[str] = field(default_factory=list)

    @property
    def api(self) -> str:
        names = list(self._running) if self.traffic is None else [self.traffic]
        return self.api_of(names[next(self._turns) % len(names)])

    def api_of(self, name: str) -> str:
        return f"{self._running[name].url()}/api"

    def start(self, name: str, build: Path = ROOT, *, storage: str = "app", **settings: str) -> None:
        """Returns once it serves. Apps with one `storage` are instances of one app: a timer runs in one of them."""
        arguments = ("--port", "0", "--data", str(self.data / storage), "--app", str(build), "--hurry", "20")
        environment = {**self.backing.environment, **settings}
        service = Service("emulators.functions", *arguments, environment=environment, folder=ROOT)
        self._running[name] = service
        service.url()

    def stop(self, name: str) -> None:
        """As the platform does: what it is doing ends first."""
        service = self._running.pop(name)
        try:
            assert 0 == service.stop(), service.text
        finally:
            service.close()
            self._said_before.append(f"--- {name}, which has ended\n{service.text}")

    def said(self, name: str) -> str:
        """What it has printed so far."""
        return self._running[name].text

    def every_minute(self, name: str) -> None:
        """Runs the timer of that app now instead of at the next full minute."""
        url = self.api_of(name).removesuffix("/api") + "/admin/functions/every_minute"
        assert 202 == request(url, "POST", {}).status

    def close(self) -> None:
        for service in self._running.values():
            service.close()

    @property
    def output(self) -> str:
        running = (f"--- {name}\n{service.text}" for name, service in self._running.items())
        return "\n".join([*self._said_before, *running])


@contextmanager
def apps(data: Path, *, deadline: str = "00:15:00") -> Iterator[Apps]:
    """Yields none so far, over an empty store; what they have printed is shown when the block fails."""
    with parts(data, instances=0, PAYMENT_DEADLINE=deadline) as backing:
        made = Apps(backing, data / "functions")
        try:
            yield made
        except BaseException:
            print(made.output[-60_000:])
            raise
        finally:
            made.close()


async def verdict(
    build: Path, environment: Mapping[str, str], order_ids: list[str], received: Mapping[str, int]
) -> Mapping[str, Any]:
    """How these orders ended, as a build sees it that knows all that was said of them; fails where one did not."""
    asked = json.dumps({"orderIds": order_ids, "received": received})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.e2e.verdict",
        cwd=build, env={**os.environ, **environment}, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(asked.encode())
    assert 0 == process.returncode, err.decode()
    told: Mapping[str, Any] = json.loads(out)
    return told
