"""Blocks of docs/deploying.md, as they stand there: Azure's tools are pretended, and the service is the local one."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.stack import ROOT, Stack
from tests.e2e.walk import blocks_of

PAGE: Final = ROOT / "docs" / "deploying.md"
AZ: Final = """#!/bin/sh
printf '%s\\n' "$@" >> "$ASKED"
case "$*" in
    *"keys list"*) echo key ;;
    *"component show"*) echo insights ;;
esac
"""
AZD: Final = """#!/bin/sh
echo SERVICE_API_URL=\\"$API\\"
echo AZURE_RESOURCE_GROUP=\\"group\\"
echo SERVICE_API_NAME=\\"app\\"
"""


class Shell:
    """Where `az` and `azd` are ours: `asked` has what they were given, an argument in each line."""

    def __init__(self, folder: Path, api: str) -> None:
        for name, script in {"az": AZ, "azd": AZD}.items():
            (folder / name).write_text(script, encoding="utf-8")
            (folder / name).chmod(0o755)
        self._asked = folder / "asked"
        ours = {"PATH": f"{folder}:{os.environ['PATH']}", "API": api, "ASKED": str(self._asked)}
        # What `azd env get-values` has put there before.
        self._environment = {**os.environ, **ours, "AZURE_RESOURCE_GROUP": "group", "SERVICE_API_NAME": "app"}

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text(encoding="utf-8").splitlines()

    def take(self, *sections: str) -> str:
        """The first block of each of these sections, in one shell; what it prints."""
        blocks = [next(each.text for each in blocks_of(PAGE, "project") if each.section == name) for name in sections]
        command = ["bash", "-euo", "pipefail", "-c", "".join(blocks)]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.timeout(180)
def test_an_order_is_shipped_and_its_trace_is_asked_for(stack: Stack, tmp_path: Path) -> None:
    shell = Shell(tmp_path, stack.api)
    said = shell.take("A shipped order", "Its trace")
    order = json.loads(said[said.rindex('{"orderId"') :])
    assert ("shipped", 3) == (order["status"], order["version"])
    assert f'let stream = "order-{order["orderId"]}";' in "\n".join(shell.asked)


def test_every_function_but_those_of_http_is_turned_off(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "")
    shell.take("Blue and green")
    functions = json.loads((ROOT / "infra" / "model.json").read_text(encoding="utf-8"))["functions"]
    behind = [name for name, each in functions.items() if each["trigger"] != "httpTrigger"]
    assert [f"AzureWebJobs.{name}.Disabled=true" for name in behind] == shell.asked[-len(behind) :]
