"""Functions of Service Bus that are started by hand, and what the host says of them."""

from typing import Any

import aiohttp
import azure.functions as func
import pytest

from emulators.tests.functions.apps import Screen, eventually, served
from emulators.tests.functions.servicebus.world import Recorder

pytestmark = pytest.mark.usefixtures("engine")

ENVIRONMENT = {"BUS": "unused by hand"}


async def start(app: func.FunctionApp, body: str) -> tuple[str, list[dict[str, Any]]]:
    """Start the function with an input; what the console says, and how the host describes its functions."""
    screen = Screen()
    async with (
        served(app, environment=ENVIRONMENT, screen=screen) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{url}/admin/functions") as answer:
            described = await answer.json()
        async with session.post(f"{url}/admin/functions/handle", json={"input": body}) as answer:
            assert 202 == answer.status
        await eventually(lambda: "handle" in screen.text, "it runs")
    return screen.text, described


@pytest.mark.verified("docs", feature="Service Bus trigger: started by hand")
async def test_the_input_is_the_body_of_a_message() -> None:
    recorder = Recorder()
    text, described = await start(recorder.app(), "hello")
    assert ["hello"] == recorder.bodies
    assert "handle ok by hand" in text
    (binding,) = described[0]["config"]["bindings"]
    assert ("serviceBusTrigger", "plain") == (binding["type"], binding["queueName"])


@pytest.mark.verified("docs", feature="Service Bus trigger: started by hand")
async def test_a_batch_holds_the_one_message() -> None:
    recorder = Recorder()
    await start(recorder.batch_app(), "hello")
    assert [["hello"]] == recorder.batches


@pytest.mark.verified("docs", feature="Service Bus trigger: started by hand")
async def test_an_input_that_cannot_be_bound_is_an_error_in_words() -> None:
    recorder = Recorder()
    text, _ = await start(recorder.batch_app(data_type=None), "no json")
    assert [] == recorder.batches
    assert "handle FAILED by hand: Exception binding parameter 'messages'" in text
