"""The server as a process: how it starts, what it prints, how it ends, what a kill leaves."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from emulators.tests.cosmos.raw import CROSS_PARTITION, ITEMS, RawClient, partition_key
from emulators.tests.processes import ServerProcess, serving, spawn

pytestmark = pytest.mark.verified("docs", feature="The process: ready line, ports, signals, durability")


async def prepare(raw: RawClient) -> None:
    await raw.send("POST", "/dbs", {"id": "shop"})
    await raw.send("POST", "/dbs/shop/colls", {"id": "items", "partitionKey": {"paths": ["/pk"], "version": 2}})


async def test_it_says_when_it_is_ready_and_serves_both_address_families() -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral") as server, aiohttp.ClientSession() as session:
        assert re.fullmatch(r"devstack: cosmos ready at http://localhost:\d+", server.ready_line)
        hosts = ["127.0.0.1"] + (["[::1]"] if _has_ipv6() else [])
        for host in hosts:
            async with session.get(f"http://{host}:{server.port}/_devstack/health") as health:
                assert 200 == health.status


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral") as server:
        server.process.send_signal(number)

        assert 0 == await server.wait()
        assert server.process.stdout is not None
        assert b"" == await server.process.stdout.read()


async def test_it_ends_with_its_supervisor() -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral", supervised=True) as server:
        assert server.process.stdin is not None
        server.process.stdin.close()

        assert 0 == await server.wait()


async def test_it_outlives_its_standard_input_when_nobody_supervises(tmp_path: Path) -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral") as server, aiohttp.ClientSession() as session:
        assert server.process.stdin is not None
        server.process.stdin.close()
        async with session.get(f"{server.url}/_devstack/health") as health:
            assert 200 == health.status


async def test_a_taken_port_is_named_with_its_holder() -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral") as server:
        second = await spawn("cosmos", "--port", str(server.port), "--ephemeral")
        _, errors = await asyncio.wait_for(second.communicate(), 20)

    assert 3 == second.returncode
    assert 1 == len(errors.splitlines())
    assert f"devstack: port {server.port} is taken by python".encode() in errors
    assert f"(pid {server.process.pid})".encode() in errors


@pytest.mark.parametrize("arguments", [(), ("--data", "x", "--ephemeral"), ("--ephemeral", "--lag", "many")])
async def test_bad_arguments_end_with_two(arguments: tuple[str, ...]) -> None:
    process = await spawn("cosmos", *arguments)
    await asyncio.wait_for(process.communicate(), 20)

    assert 2 == process.returncode


async def test_a_data_folder_of_another_format_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cosmos.format").write_text("999\n")

    process = await spawn("cosmos", "--port", "0", "--data", str(tmp_path))
    _, errors = await asyncio.wait_for(process.communicate(), 20)

    assert 4 == process.returncode
    assert 1 == len(errors.splitlines())
    assert b"format 999" in errors


async def test_a_data_folder_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    async with serving("cosmos", "--port", "0", "--data", str(tmp_path)):
        process = await spawn("cosmos", "--port", "0", "--data", str(tmp_path))
        _, errors = await asyncio.wait_for(process.communicate(), 20)

    assert 4 == process.returncode
    assert 1 == len(errors.splitlines())
    assert b"in use" in errors


async def test_everything_is_the_same_after_a_restart(tmp_path: Path) -> None:
    paths = ["/dbs/shop", "/dbs/shop/colls/items", "/dbs/shop/colls/items/pkranges", f"{ITEMS}/1"]

    async def state(raw: RawClient) -> list[Any]:
        answers = [await raw.send("GET", path, None, partition_key("a")) for path in paths]
        feed = await raw.feed()
        return [(a.status, a.json) for a in answers] + [feed.json, feed.headers["etag"], answers[3].lsn]

    async with serving("cosmos", "--port", "0", "--data", str(tmp_path)) as server, aiohttp.ClientSession() as session:
        raw = RawClient(server.url, session)
        await prepare(raw)
        await raw.create({"id": "0", "pk": "a"})
        await raw.create({"id": "1", "pk": "a"})
        await raw.send("DELETE", f"{ITEMS}/0", None, partition_key("a"))
        before = await state(raw)
        server.process.terminate()
        assert 0 == await server.wait()

    async with serving("cosmos", "--port", "0", "--data", str(tmp_path)) as server, aiohttp.ClientSession() as session:
        raw = RawClient(server.url, session)
        assert before == await state(raw)
        assert 4 == (await raw.create({"id": "2", "pk": "a"})).lsn


async def _kill_while_writing(folder: Path, seed: int) -> None:
    """Write until a kill at a random moment; then nothing that was acknowledged is missing, nothing is in part."""
    chooser = random.Random(seed)
    acknowledged: list[tuple[str, int]] = []

    async def write(raw: RawClient, writer: int) -> None:
        for number in range(10_000):
            key = f"{seed}-{writer}-{number}"
            operations = [
                {"operationType": "Create", "resourceBody": {"id": str(n), "pk": key, "text": "x" * 500}}
                for n in range(3)
            ]
            answer = await raw.batch(key, *operations)
            acknowledged.append((key, answer.lsn))

    async with serving("cosmos", "--port", "0", "--data", str(folder)) as server, aiohttp.ClientSession() as session:
        raw = RawClient(server.url, session)
        await prepare(raw)
        writers = [asyncio.create_task(write(raw, writer)) for writer in range(4)]
        enough = chooser.randrange(20, 200)
        while len(acknowledged) < enough:
            await asyncio.wait(writers, timeout=0.001)
        server.process.kill()
        results = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(result, aiohttp.ClientError) for result in results)

    async with serving("cosmos", "--port", "0", "--data", str(folder)) as server, aiohttp.ClientSession() as session:
        await _check(RawClient(server.url, session), server, acknowledged)


async def _check(raw: RawClient, server: ServerProcess, acknowledged: list[tuple[str, int]]) -> None:
    for key, lsn in acknowledged:
        found = await raw.query("SELECT c.id FROM c", partition_key(key))
        assert 3 == len(found.json["Documents"])
        assert found.lsn >= lsn
    counted = (await raw.query("SELECT VALUE COUNT(1) FROM c", CROSS_PARTITION)).json["Documents"][0]
    assert 0 == counted % 3


async def test_a_kill_loses_no_acknowledged_write_and_leaves_no_half_of_a_batch(tmp_path: Path) -> None:
    for seed in range(2):
        await _kill_while_writing(tmp_path, seed)


@pytest.mark.long
async def test_many_kills_lose_no_acknowledged_write(tmp_path: Path) -> None:
    for seed in range(100, 130):
        await _kill_while_writing(tmp_path, seed)
