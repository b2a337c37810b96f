"""OpenTelemetry's own Collector, as a judge: built where Go is there, and run as somebody would run it.

`python -m tests.e2e.telemetry.collector` builds it, in two minutes, and prints where it lies.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.stack import Stack, launch

MANIFEST: Final = Path(__file__).with_name("collector.yaml")
BUILDER: Final = "go.opentelemetry.io/collector/cmd/builder@v0.165.0"

_BUILT_WITHIN: Final = 600
_READY: Final = re.compile("Everything is ready")


class NotHere(Exception):
    """Is raised where the Collector cannot be had; the message says what is missing."""


@dataclass(frozen=True)
class Collector:
    """Takes OTLP at `url`, passes it on, and shows its metrics to Prometheus at `metrics`."""

    url: str
    metrics: str


def build() -> Path:
    """The Collector's program; it is built once, and kept outside of the project. Raises NotHere."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "event-sourced-orders" / f"collector-{BUILDER.rpartition('v')[2]}"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise NotHere("Go is not installed, of which OpenTelemetry's Collector is built")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        environment = {**os.environ, "GOBIN": folder, "CGO_ENABLED": "0"}
        for command in (
            [go, "install", BUILDER],
            [f"{folder}/builder", "--config", str(MANIFEST)],
        ):
            done = subprocess.run(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=_BUILT_WITHIN, check=False,
            )  # fmt: skip
            if done.returncode:
                raise NotHere(f"OpenTelemetry's Collector cannot be built here: {done.stdout[-500:]}")
        # At once: another run finds all of it or nothing.
        Path(folder, "built", "collector").replace(program)
    return program


@contextmanager
def collector(next_receiver: str) -> Iterator[Collector]:
    """The Collector for the length of a block; spans and metrics go on to `next_receiver`, by OTLP in JSON."""
    program, (taking, showing) = build(), _free_ports()
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlphttp"]}
    config: dict[str, Any] = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{taking}"}}}},
        "processors": {"batch": {"timeout": "100ms"}},
        "exporters": {
            "otlphttp": {"endpoint": next_receiver, "encoding": "json", "compression": "none"},
            "prometheus": {"endpoint": f"127.0.0.1:{showing}"},
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": pipeline, "metrics": {**pipeline, "exporters": ["otlphttp", "prometheus"]}},
        },
    }
    # JSON is YAML.
    process = Stack(launch([str(program), "--config", f"yaml:{json.dumps(config)}"], MANIFEST.parent, {}))
    try:
        process.wait_for(_READY)
        yield Collector(f"http://127.0.0.1:{taking}", f"http://127.0.0.1:{showing}/metrics")
    except BaseException:
        process.kill()
        print("".join(process.output))
        raise
    assert 0 == process.stop(), "".join(process.output)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


if __name__ == "__main__":
    try:
        print(build())
    except NotHere as error:
        sys.exit(str(error))
