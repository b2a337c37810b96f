"""A service as a process of its own, by its name: cosmos, servicebus."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2]
TIMEOUT = 20


@dataclass
class ServerProcess:
    process: asyncio.subprocess.Process
    ready_line: str

    @property
    def url(self) -> str:
        return self.ready_line.rpartition(" ")[2]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def wait(self) -> int:
        return await asyncio.wait_for(self.process.wait(), TIMEOUT)


async def spawn(service: str, *arguments: str, supervised: bool = False) -> asyncio.subprocess.Process:
    environment = {**os.environ, "DEVSTACK_SUPERVISED": "1" if supervised else "0"}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"emulators.{service}",
        *arguments,
        cwd=FOLDER,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(service: str, *arguments: str, supervised: bool = False) -> AsyncIterator[ServerProcess]:
    """A process that is ready; killed at the end of the block if it still runs."""
    process = await spawn(service, *arguments, supervised=supervised)
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), TIMEOUT)
        yield ServerProcess(process, line.decode().strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
