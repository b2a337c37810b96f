"""A stack of `make run` that runs here is found by asking `devstack`."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class RunningStack:
    """Has the settings that lead to it; `elsewhere` is what its environment names instead, without a key."""

    settings: Mapping[str, str]
    elsewhere: Mapping[str, str]
    functions: str | None
    traces: str | None


def running_stack(root: Path) -> RunningStack | None:
    """Returns the stack; None where none runs, and where nobody can tell, since there is no `devstack`."""
    if not (root / "devstack" / "__main__.py").is_file():
        return None
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "devstack", "status", "--json"],
            cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        return _read(json.loads(asked.stdout))
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None


def _read(told: Any) -> RunningStack | None:
    if not isinstance(told, dict) or not told.get("running"):
        return None
    urls = {name: service.get("url") for name, service in (told.get("services") or {}).items()}
    settings, elsewhere = told.get("settings") or {}, told.get("elsewhere") or {}
    return RunningStack(settings, elsewhere, urls.get("functions"), urls.get("traces"))
