"""The distribution alone: its wheel in an environment of its own, where nothing of this folder is to be found."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from emulators.__main__ import SERVICES
from emulators.amqp.message import Message
from emulators.amqp.performatives import Accepted, Disposition
from emulators.tests.cosmos.raw import RawClient as Cosmos
from emulators.tests.cosmos.raw import partition_key
from emulators.tests.functions.processes import Service, request
from emulators.tests.servicebus.raw import RawClient as Bus
from emulators.tests.sources import PACKAGE

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

CONFIG = """
{"UserConfig": {"Namespaces": [{"Name": "alone", "Queues": [{"Name": "q"}],
  "Topics": [{"Name": "t", "Subscriptions": [{"Name": "s", "Rules": [
    {"Name": "r", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "size > 10"}}}]}]}]}]}}
"""
APP = """
import azure.functions as func
app = func.FunctionApp()
@app.route(route="hello/{name}", auth_level="anonymous")
def hello(req: func.HttpRequest) -> func.HttpResponse:
    import lark  # which the host has not loaded: an app finds what is installed beside the host
    return func.HttpResponse(f"hello {req.route_params['name']} of {lark.__name__}")
"""


def run(*command: str | Path, folder: Path) -> str:
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_"))}
    arguments = [str(each) for each in command]
    done = subprocess.run(arguments, cwd=folder, env=theirs, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because a build leaves files in its folder."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(PACKAGE, folder / "emulators", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, folder / "emulators", folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path) -> Path:
    """The interpreter of a fresh environment that has the distribution, and what it asks for."""
    folder = wheel.parent
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    made = folder / "venv" / "bin" / "python"
    run(made, "-m", "pip", "install", "--disable-pip-version-check", wheel, folder=folder)
    return made


@contextmanager
def running(python: Path, folder: Path, *arguments: str) -> Iterator[Service]:
    """A service in an empty folder; it ends in order."""
    environment = {"PYTHONPATH": "", "VIRTUAL_ENV": ""}
    service = Service("emulators", *arguments, environment=environment, folder=folder, python=str(python))
    try:
        yield service
        assert 0 == service.stop(), service.text
    finally:
        service.close()


def test_the_wheel_holds_the_services_and_neither_tests_nor_benches(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {"/".join(Path(name).parts[:2]) for name in names if name.startswith("emulators/")}
    assert {f"emulators/{name}" for name in (*SERVICES, "__main__.py")} <= folders
    assert not {"emulators/tests", "emulators/bench"} & folders
    assert {"emulators/cosmos/sql/grammar.lark", "emulators/servicebus/sql/grammar.lark"} <= set(names)
    assert 2 == len({Path(name).parts[0] for name in names})


def test_its_command_says_what_there_is(python: Path, tmp_path: Path) -> None:
    for command in ([python, "-m", "emulators"], [python.with_name("azure-local-emulators")]):
        said = run(*command, "--help", folder=tmp_path)
        assert all(name in said for name in SERVICES)


async def test_cosmos_db(python: Path, tmp_path: Path) -> None:
    with running(python, tmp_path, "cosmos", "--port", "0", "--data", "data") as service:
        url = service.says(r"cosmos ready at (\S+)")[0][1]
        async with aiohttp.ClientSession() as session:
            cosmos = Cosmos(url, session)
            await cosmos.send("POST", "/dbs", {"id": "shop"})
            definition = {"id": "items", "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}}
            await cosmos.send("POST", "/dbs/shop/colls", definition)
            items = "/dbs/shop/colls/items/docs"
            created = await cosmos.send("POST", items, {"id": "1", "pk": "a", "n": 7}, partition_key("a"))
            assert 201 == created.status
            read = await cosmos.send("GET", f"{items}/1", None, partition_key("a"))
            assert 7 == read.json["n"]


async def test_service_bus(python: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG)
    with running(python, tmp_path, "servicebus", "--port", "0", "--ephemeral", "--config", "config.json") as service:
        port = int(service.says(r"servicebus ready at amqp://localhost:(\d+)")[0][1])
        async with Bus.to(port) as bus:
            await bus.sender("q")
            bus.transfer(Message(data=b"hello").encode())
            assert Accepted() == (await bus.expect(Disposition)).state


def test_the_functions_host(python: Path, tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0"}))
    with running(python, tmp_path, "functions", "--port", "0", "--ephemeral") as service:
        answer = request(f"{service.url()}/api/hello/world")
        assert (200, b"hello world of lark") == (answer.status, answer.body), service.text


async def test_the_receiver_of_traces(python: Path, tmp_path: Path) -> None:
    with running(python, tmp_path, "traces", "--port", "0") as service:
        url = service.says(r"traces ready at (\S+)")[0][1]
        assert b'{"metrics": []}' == request(f"{url}/metrics").body
