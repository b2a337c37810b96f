"""The broker as a process: how it starts, what it prints, how it ends, what a kill leaves."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from emulators.amqp.message import Message
from emulators.amqp.performatives import Accepted, Disposition, Flow, Properties, Transfer
from emulators.amqp.values import Int
from emulators.tests.processes import ServerProcess, serving, spawn
from emulators.tests.servicebus.pure import CONFIG
from emulators.tests.servicebus.raw import RawClient

pytestmark = pytest.mark.verified("docs", feature="The process: ready line, ports, signals, durability")


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(CONFIG)
    return str(path)


async def test_it_says_when_it_is_ready_and_serves_both_address_families(config: str) -> None:
    async with serving("servicebus", "--port", "0", "--ephemeral", "--config", config) as server:
        assert re.fullmatch(r"devstack: servicebus ready at amqp://localhost:\d+", server.ready_line)
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            if family == socket.AF_INET6 and not _has_ipv6():
                continue
            _, writer = await asyncio.open_connection(host, server.port)
            writer.close()
            await writer.wait_closed()
        async with RawClient.to(server.port) as client:
            for handle, entity in enumerate(("plain", "once", "events")):
                await client.sender(entity, handle=handle)
            await client.receiver("events/Subscriptions/all", handle=3)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number: signal.Signals, config: str) -> None:
    async with serving("servicebus", "--port", "0", "--ephemeral", "--config", config) as server:
        async with RawClient.to(server.port) as client:
            server.process.send_signal(number)
            await client.ended()  # no client keeps it from ending

        assert 0 == await server.wait()
        assert server.process.stdout is not None
        assert b"" == await server.process.stdout.read()


async def test_it_ends_with_its_supervisor(config: str) -> None:
    async with serving("servicebus", "--port", "0", "--ephemeral", "--config", config, supervised=True) as server:
        assert server.process.stdin is not None
        server.process.stdin.close()

        assert 0 == await server.wait()


async def _failing(*arguments: str) -> tuple[int | None, str]:
    process = await spawn("servicebus", *arguments)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, errors.decode()


async def test_a_taken_port_is_named_with_its_holder(config: str) -> None:
    async with serving("servicebus", "--port", "0", "--ephemeral", "--config", config) as server:
        status, errors = await _failing("--port", str(server.port), "--ephemeral", "--config", config)

    assert 3 == status
    assert 1 == len(errors.splitlines())
    assert f"devstack: port {server.port} is taken by python (pid {server.process.pid})" in errors


@pytest.mark.parametrize("arguments", [(), ("--data", "x", "--ephemeral"), ("--ephemeral", "--hurry", "0.5")])
async def test_bad_arguments_end_with_two(arguments: tuple[str, ...], config: str) -> None:
    assert 2 == (await _failing(*arguments, "--config", config))[0]


async def test_it_asks_for_a_configuration() -> None:
    status, errors = await _failing("--ephemeral")

    assert 2 == status
    assert "the following arguments are required: --config" in errors


async def test_a_bad_configuration_ends_with_two_and_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(CONFIG.replace("PT30S", "PT30M"))
    status, errors = await _failing("--port", "0", "--ephemeral", "--config", str(bad))

    assert 2 == status
    assert 1 == len(errors.splitlines())
    assert f"devstack: {bad}: UserConfig.Namespaces[0].Queues[0].Properties.LockDuration: " in errors


async def test_a_data_folder_of_another_format_or_in_use_is_refused_in_one_line(tmp_path: Path, config: str) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path), "--config", config)
    async with serving("servicebus", *arguments):
        status, errors = await _failing(*arguments)
    assert (4, 1) == (status, len(errors.splitlines()))
    assert "in use" in errors

    (tmp_path / "servicebus.format").write_text("999\n")
    status, errors = await _failing(*arguments)
    assert (4, 1) == (status, len(errors.splitlines()))
    assert "format 999" in errors


async def test_the_control_port_moves_the_clock_and_counts(config: str) -> None:
    arguments = ("--port", "0", "--ephemeral", "--config", config, "--hurry", "3", "--control-port", "0")
    async with serving("servicebus", *arguments, "--no-duplicate-detection") as server, aiohttp.ClientSession() as http:
        assert server.process.stderr is not None
        said = [(await server.process.stderr.readline()).decode() for _ in range(3)]
        assert "lock durations are divided by 3" in said[0]
        assert "duplicate detection is off" in said[1]
        control = said[2].split()[-1]

        async def ask(method: str, path: str, content: Any = None) -> Any:
            async with http.request(method, control + path, json=content) as answer:
                return answer.status, await answer.json()

        assert (200, {"service": "servicebus", "status": "ready", "seed": 0}) == await ask("GET", "health")
        async with RawClient.to(server.port) as client:
            await client.sender("once")
            for number in range(2):
                client.transfer(_message("same"), number)
                await client.expect(Disposition)
            await client.receiver("once", 2)
            assert isinstance((await client.next()).body, Transfer)
            assert isinstance((await client.next()).body, Transfer)
            assert {"active": 2, "deferred": 0, "scheduled": 0} == (await ask("GET", "entities"))[1]["once"]
            client.credit(9, count=2)
            await ask("POST", "clock", {"advance": 20.1})  # a minute, in a hurry of three
            assert isinstance((await client.next()).body, Transfer)

            fault = {"effect": "drop", "kinds": ["send"], "entity": "once"}
            assert 200 == (await ask("POST", "faults", fault))[0]
            client.transfer(_message("lost"), 2)
            await client.ended()
            assert (200, {"struck": 1}) == await ask("GET", "faults")
            assert 200 == (await ask("DELETE", "faults"))[0]
        assert 400 == (await ask("POST", "faults", {"effect": "explode"}))[0]
        assert 400 == (await ask("POST", "faults", {"kinds": ["everything"]}))[0]
        assert 404 == (await ask("GET", "nothing"))[0]
        assert 200 == (await ask("POST", "clock", {"freeze": True, "resume": True}))[0]


def _message(message_id: str, session: str | None = None) -> bytes:
    return Message(properties=Properties(message_id=message_id, group_id=session), data=b"x" * 500).encode()


async def _peek_all(port: int, entity: str) -> dict[str, int]:
    """Of every message that is there, its id and its sequence number."""
    found: dict[str, int] = {}
    async with RawClient.to(port) as client:
        await client.management(entity)
        answer = Message(value={"messages": []})
        for number in itertools.count():
            if answer.value is None:
                break
            start = max(found.values(), default=0) + 1
            client.request("peek-message", {"from-sequence-number": start, "message-count": Int(100)}, number=number)
            parts = []
            while True:
                frame = await client.next()
                if isinstance(frame.body, Flow):
                    continue
                assert isinstance(frame.body, Transfer)
                parts.append(frame.payload)
                if not frame.body.more:
                    break
            answer = Message.decode(b"".join(parts))
            client.credit(50, count=number + 1, handle=3)
            for each in answer.value["messages"] if answer.value else ():
                message = Message.decode(each["message"])
                found[str(message.properties.message_id)] = message.annotations["x-opt-sequence-number"]
    return found


class _Load:
    """Senders and a receiver that note what the broker confirmed."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.seed = seed
        self.accepted: list[str] = []
        self.completing: set[str] = set()
        self.completed: set[str] = set()
        self.enough = asyncio.Event()
        self.wanted = random.Random(seed).randrange(50, 2000)

    async def send(self, sender: int) -> None:
        async with RawClient.to(self.port) as client:
            await client.sender("plain")
            for number in itertools.count():
                client.transfer(_message(f"{self.seed}-{sender}-{number}"), number)
                if number % 20 == 19:
                    await self._accept(client, sender, number - 10)

    async def _accept(self, client: RawClient, sender: int, until: int) -> None:
        """Some messages stay under way."""
        while True:
            frame = await client.next()
            if isinstance(frame.body, Disposition):
                assert frame.body.state == Accepted()
                self.accepted.append(f"{self.seed}-{sender}-{frame.body.first}")
                if len(self.accepted) == self.wanted:
                    self.enough.set()
                if frame.body.first >= until:
                    return

    async def complete(self) -> None:
        async with RawClient.to(self.port) as client:
            await client.receiver("plain", 30)
            ids: dict[int, str] = {}
            while True:
                frame = await client.next()
                if isinstance(frame.body, Transfer):
                    number = frame.body.delivery_id or 0
                    ids[number] = str(Message.decode(frame.payload).properties.message_id)
                    self.completing.add(ids[number])
                    client.send(0, Disposition(True, number, None, False, Accepted()))
                    client.credit(30, count=number + 1)
                elif isinstance(frame.body, Disposition):
                    assert frame.body.state == Accepted()
                    self.completed.add(ids[frame.body.first])


async def _kill_under_load(folder: Path, config: str, seed: int) -> None:
    """Send and complete until a kill at a random moment: no accepted message is missing, no completed one is back."""
    arguments = ("--port", "0", "--data", str(folder / "data"), "--config", config)
    async with serving("servicebus", *arguments) as server:
        load = _Load(server.port, seed)
        workers = [asyncio.create_task(load.send(sender)) for sender in range(3)]
        workers.append(asyncio.create_task(load.complete()))
        await asyncio.wait_for(load.enough.wait(), 20)
        server.process.kill()
        results = await asyncio.gather(*workers, return_exceptions=True)
        assert all("the connection ended" in str(result) for result in results), results

    async with serving("servicebus", *arguments) as server:
        left = await _peek_all(server.port, "plain")
        mine = {each for each in left if each.startswith(f"{seed}-")}
        assert set(load.accepted) - mine <= load.completing, "an accepted message is missing"
        assert not load.completed & mine, "a completed message is back"
        assert len(set(left.values())) == len(left)
        async with RawClient.to(server.port) as client:
            await client.sender("plain")
            client.transfer(_message(f"after {seed}"))
            assert (await client.expect(Disposition)).state == Accepted()
        after = await _peek_all(server.port, "plain")
        assert after[f"after {seed}"] > max(left.values(), default=0)


async def test_a_kill_loses_no_accepted_message(tmp_path: Path, config: str) -> None:
    for seed in range(3):
        await _kill_under_load(tmp_path, config, seed)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_kills_lose_no_accepted_message(tmp_path: Path, config: str) -> None:
    for seed in range(100, 147):
        await _kill_under_load(tmp_path, config, seed)


async def test_killed_in_the_middle_of_a_batch_it_stored_all_or_nothing(tmp_path: Path, config: str) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path / "data"), "--config", config)
    async with serving("servicebus", *arguments, "--control-port", "0") as server, aiohttp.ClientSession() as http:
        control = await _control(server)
        fault = json.dumps({"effect": "kill", "kinds": ["send"], "skip": 5})
        async with http.post(control + "faults", data=fault) as answer:
            assert 200 == answer.status
        async with RawClient.to(server.port) as client:
            await client.sender("plain")
            for number in range(10):
                client.transfer(_message(str(number)), number)
            await client.ended()
        assert -signal.SIGKILL == await server.wait()
    async with serving("servicebus", *arguments) as server:
        assert {} == await _peek_all(server.port, "plain")


async def _control(server: ServerProcess) -> str:
    assert server.process.stderr is not None
    return (await server.process.stderr.readline()).decode().split()[-1]
