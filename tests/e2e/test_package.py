"""The package in an environment with what Azure has: `requirements.txt` and the worker, and nothing of the checkout."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from operate.__main__ import main
from tests.e2e.environments import environment
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import ROOT, Client, eventually, launch

READY = re.compile(r"^devstack: functions ready at (http://\S+)")
ORDER = {
    "customerId": "ada",
    "lines": [{"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}],
}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return environment(tmp_path / "venv", "requirements.txt")


@pytest.fixture
def backing(tmp_path: Path) -> Iterator[Parts]:
    """Cosmos DB and Service Bus, without functions of the checkout."""
    (tmp_path / "data").mkdir()
    with parts(tmp_path / "data", instances=1) as made:
        made.stop("functions")
        yield made


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_package_serves_an_order(tmp_path: Path, python: Path, backing: Parts) -> None:
    app, host = tmp_path / "app", tmp_path / "host"
    assert main(["package", "--output", str(tmp_path / "app.zip")]) == 0
    zipfile.ZipFile(tmp_path / "app.zip").extractall(app)
    # The host itself, beside the app and not in it.
    shutil.copytree(ROOT / "emulators", host / "emulators", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    command = [
        str(python),
        "-m",
        "emulators.functions",
        "--port",
        "0",
        "--ephemeral",
        "--app",
        str(app),
        "--hurry",
        "20",
    ]
    process = launch(command, host, {**backing.environment, "PAYMENT_DEADLINE": "00:15:00"})
    said: list[str] = []
    try:
        assert process.stdout is not None
        ready = None
        while not ready and (line := process.stdout.readline()):
            said.append(line)
            ready = READY.match(line)
        assert ready
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            client = Client(session, f"{ready[1]}/api")
            assert 200 == (await client.post("/stock/mug/receipts", {"quantity": 1}, "receipt")).status
            placed = await client.post("/orders", ORDER, "order")
            assert 201 == placed.status, placed

            # Feed, relay and both queues have done their part by then.
            async def requested() -> int:
                return (await client.get(f"/orders/{placed.body['orderId']}/payment")).status

            await eventually(200, requested)
    except BaseException:
        print("".join(said))
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
