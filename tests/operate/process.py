"""Tests start `python -m operate` as a process, as a user does, and look at what it prints and how it ends."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulators.cosmos.account import KEY
from tests.settings import NO_BUS

ROOT: Final = Path(__file__).resolve().parents[2]
NOWHERE: Final = "http://localhost:1"
"""Nothing listens there."""

_CLEAN: Final = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("AZURE_", "COSMOS", "DEVSTACK_", "IDENTITY_", "NOTIFICATIONS_", "OTEL_", "SERVICEBUS"))
}


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Returns the one line of stderr beside the one that says the target."""
        *before, last = self.err.splitlines()
        assert all(line.endswith(")") for line in before), self.err
        assert len(before) <= 1, self.err
        assert last.startswith("operate: "), self.err
        return last.removeprefix("operate: ")


def account(endpoint: str = NOWHERE, key: str = KEY) -> str:
    """Returns the connection string of a Cosmos DB."""
    return f"AccountEndpoint={endpoint}/;AccountKey={key};"


def variables(**known: str) -> Mapping[str, str]:
    """Returns the environment of a process that follows no stack, and knows the accounts that it is given alone."""
    settings = {"COSMOS": account(), "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS, "DEVSTACK_DATA": "/nowhere"}
    return {**_CLEAN, **settings, **known}


async def operate(*arguments: str, folder: Path = ROOT, **known: str) -> Ended:
    """Runs one command to its end, without a terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "operate", *arguments,
        cwd=folder, env=variables(**known), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
