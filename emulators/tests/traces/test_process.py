"""The receiver as a process: how it starts, what it prints, how it ends."""

from __future__ import annotations

import asyncio
import re
import signal

import aiohttp
import pytest

from emulators.tests.processes import serving, spawn

pytestmark = pytest.mark.verified("docs", feature="The process: ready line, ports, signals")


async def test_it_says_when_it_is_ready_and_a_signal_ends_it_in_order() -> None:
    async with serving("traces", "--port", "0") as server, aiohttp.ClientSession() as session:
        assert re.fullmatch(r"devstack: traces ready at http://localhost:\d+", server.ready_line)
        async with session.get(f"{server.url}/traces") as answer:
            assert {"traces": [], "dropped": 0} == await answer.json()
        server.process.send_signal(signal.SIGTERM)
        assert 0 == await server.wait()


async def test_it_ends_with_its_supervisor() -> None:
    async with serving("traces", "--port", "0", supervised=True) as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert 0 == await server.wait()


async def test_a_taken_port_is_named_with_its_holder() -> None:
    async with serving("traces", "--port", "0") as server:
        second = await spawn("traces", "--port", str(server.port))
        _, errors = await asyncio.wait_for(second.communicate(), 20)
    assert 3 == second.returncode
    assert f"devstack: port {server.port} is taken by python".encode() in errors


async def test_bad_arguments_end_with_two() -> None:
    process = await spawn("traces", "--port", "many")
    await asyncio.wait_for(process.communicate(), 20)
    assert 2 == process.returncode
