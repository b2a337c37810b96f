"""Output bindings of Service Bus: what reaches the broker, judged by the official SDK that receives it."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from emulators.functions.bindings import Binding, BindingError
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Outcome, Success
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.outputs import ServiceBusOutputs, bodies_of, entity_of
from emulators.servicebus.config import parse_config
from emulators.servicebus.faults import Effect, Fault
from emulators.tests.functions.apps import NoData, eventually, only_function, running_invoker
from emulators.tests.functions.servicebus.behaviours import break_connections
from emulators.tests.functions.servicebus.sending import message
from emulators.tests.functions.servicebus.world import QUICK, Recorder, World, running_world

pytestmark = pytest.mark.usefixtures("engine")

PROPERTIES = {"LockDuration": "PT5S", "MaxDeliveryCount": 3}
CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {"Name": "plain", "Properties": PROPERTIES},
                    {"Name": "sessions", "Properties": {**PROPERTIES, "RequiresSession": True}},
                ],
                "Topics": [
                    {
                        "Name": "events",
                        "Properties": {},
                        "Subscriptions": [{"Name": "all", "Properties": PROPERTIES, "Rules": []}],
                    }
                ],
            }
        ],
        "Logging": {"Type": "File"},
    }
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world(parse_config(json.dumps(CONFIG))) as made:
        yield made


class Sending(NoData):
    """The data bindings of a host that has Service Bus alone."""

    def __init__(self, world: World) -> None:
        self.clients = ServiceBusClients(QUICK.retry.try_timeout)
        self.outputs = ServiceBusOutputs(self.clients, world.environment, QUICK.retry)

    async def write(self, binding: Any, value: Datum, call: Call) -> None:
        await self.outputs.write(binding, value, call)


def output_app(value: Any, *, returned: bool = False, **output: Any) -> func.FunctionApp:
    """A function of a timer that gives a value to its output, `out` or what it returns."""
    app = func.FunctionApp()

    def send(timer: func.TimerRequest, out: Any) -> None:
        out.set(value)

    def give(timer: func.TimerRequest) -> Any:
        return value

    send.__annotations__["out"] = func.Out[bytes] if isinstance(value, bytes) else func.Out[str]
    del give.__annotations__["return"]
    handler = app.timer_trigger(arg_name="timer", schedule="0 * * * * *")(give if returned else send)
    wanted = {"arg_name": "$return" if returned else "out", "connection": "BUS", **output}
    bind = app.service_bus_topic_output if "topic_name" in output else app.service_bus_queue_output
    bind(**wanted)(handler)
    return app


def output_of(app: func.FunctionApp) -> Binding:
    return next(each for each in only_function(app).bindings if each.type == "serviceBus")


async def run(world: World, app: func.FunctionApp, *calls: Call) -> tuple[list[Outcome], Sending]:
    sending = Sending(world)
    function: Function = only_function(app, {**world.environment, "QUEUE": "plain"})
    assert function.problem is None
    tick = {"timer": Datum("{}", "json")}
    try:
        async with running_invoker(world.screen, data=sending) as invoker:
            wanted = [replace(each, inputs=tick) for each in calls or (Call({}),)]
            return [await invoker.invoke(function, each) for each in wanted], sending
    finally:
        await sending.clients.close()


async def received(world: World, count: int, queue: str = "plain") -> list[ServiceBusReceivedMessage]:
    """So many messages of a queue, by the SDK; there is no other."""
    async with ServiceBusClient.from_connection_string(world.environment["BUS"]) as client:
        found: list[ServiceBusReceivedMessage] = []
        async with client.get_queue_receiver(queue) as receiver:
            while len(found) < count:
                more = await receiver.receive_messages(max_message_count=count - len(found), max_wait_time=5)
                assert more, f"{len(found)} of {count} messages came"
                found += more
            for each in found:
                await receiver.complete_message(each)
    assert 0 == world.counts(queue)["active"]
    return found


def body(message: ServiceBusReceivedMessage) -> bytes:
    return b"".join(message.body)


@pytest.mark.verified("sdk", feature="Service Bus output: a message")
@pytest.mark.parametrize("returned", [False, True])
async def test_a_text_becomes_a_message_of_bytes_that_names_its_invocation(world: World, returned: bool) -> None:
    call = Call({})
    ((outcome,), _) = await run(world, output_app("placed ü", returned=returned, queue_name="%QUEUE%"), call)
    assert isinstance(outcome, Success)
    (found,) = await received(world, 1)
    assert ("placed ü".encode(), "application/octet-stream", None) == (
        body(found),
        found.content_type,
        found.message_id,
    )
    assert {b"$AzureWebJobsParentId": call.invocation_id.encode()} == found.application_properties


@pytest.mark.verified("sdk", feature="Service Bus output: bytes")
async def test_bytes_are_sent_as_they_are(world: World) -> None:
    await run(world, output_app(b"[1,2]\xff", queue_name="plain"))
    assert b"[1,2]\xff" == body((await received(world, 1))[0])


@pytest.mark.verified("sdk", feature="Service Bus output: topics")
async def test_a_topic_gets_it(world: World) -> None:
    await run(world, output_app("1", topic_name="events", subscription_name="all"))
    recorder = Recorder()
    async with world.listening(recorder.app(subscription=("events", "all"))):
        await eventually(lambda: recorder.seen, "the subscription delivers it")
    assert ["1"] == recorder.bodies


@pytest.mark.verified("sdk", feature="Service Bus output: several messages")
@pytest.mark.parametrize("value", [[{"n": 1}, {"n": 2}], '[{"n": 1}, {"n": 2}]'])
async def test_an_array_is_a_message_for_each_of_its_elements(world: World, value: Any) -> None:
    ((outcome,), _) = await run(world, output_app(value, queue_name="plain"))
    assert isinstance(outcome, Success), outcome
    assert [{"n": 1}, {"n": 2}] == [json.loads(body(each)) for each in await received(world, 2)]


@pytest.mark.verified("docs", feature="Service Bus output: several messages")
async def test_without_an_annotation_a_list_is_refused_as_by_the_worker(world: World) -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="plain")
    def send(timer: func.TimerRequest, out) -> None:  # type: ignore[no-untyped-def]
        out.set([{"n": 1}])

    ((outcome,), _) = await run(world, app)
    assert isinstance(outcome, Failure)
    assert "unsupported type" in outcome.message


@pytest.mark.verified("sdk", feature="Service Bus output: nothing set, nothing sent")
async def test_nothing_is_sent_where_nothing_was_set(world: World) -> None:
    ((outcome,), _) = await run(world, output_app(None, queue_name="plain"))
    assert isinstance(outcome, Success)
    assert 0 == world.counts("plain")["active"]


@pytest.mark.verified("docs", feature="Service Bus output: how a value is taken apart")
@pytest.mark.parametrize(
    ("value", "bodies"),
    [
        (
            Datum('{"a":1,"at":"2026-01-02T03:04:05.000Z"}', "string"),
            ['{\n  "a": 1,\n  "at": "2026-01-02T03:04:05Z"\n}'],
        ),
        (Datum('{"at":"2026-01-02T03:04:05.000Z"}', "json"), ['{\n  "at": "2026-01-02T03:04:05.000Z"\n}']),
        (Datum(' [1, "x", true, null, 1.5, [2]] ', "string"), ["1", "x", "True", "", "1.5", "[\n  2\n]"]),
        (Datum("[]", "string"), []),
        (Datum('"quoted"', "string"), ['"quoted"']),
        (Datum("5", "string"), ["5"]),
        (Datum(5, "int"), ["5"]),
        (Datum(b"{}", "bytes"), ["{}"]),
        (Datum("", "string"), [""]),
        (Datum(None, None), []),
    ],
)
def test_a_value_is_taken_apart_as_the_host_does_it(value: Datum, bodies: list[str]) -> None:
    binding = output_of(output_app("x", queue_name="plain"))
    assert bodies == [each.decode() for each in bodies_of(binding, value)]


@pytest.mark.verified("docs", feature="Service Bus output: how a value is taken apart")
def test_a_text_that_only_looks_like_json_fails() -> None:
    binding = output_of(output_app("x", queue_name="plain"))
    with pytest.raises(BindingError, match="not JSON, though it looks like it"):
        list(bodies_of(binding, Datum("{placed}", "string")))


@pytest.mark.verified("docs", feature="Service Bus output: binding fields")
def test_an_output_names_a_queue_or_a_topic() -> None:
    app = output_app("x", queue_name="q", topicName="t")
    with pytest.raises(BindingError, match="needs either queueName or topicName"):
        entity_of(output_of(app))


@pytest.mark.verified("docs", feature="Service Bus output: binding fields")
async def test_the_entity_may_come_from_the_trigger(world: World) -> None:
    call = Call({}, {"kind": Datum("plain", "string")})
    await run(world, output_app("1", queue_name="{kind}"), call)
    assert 1 == world.counts("plain")["active"]


class TestFailures:
    @pytest.mark.verified("sdk", feature="Service Bus output: a refusal fails the invocation")
    @pytest.mark.parametrize(
        ("queue", "said"), [("nowhere", "could not be found|does not exist"), ("sessions", "requires sessions")]
    )
    async def test_what_the_broker_refuses_fails_the_invocation(self, world: World, queue: str, said: str) -> None:
        ((outcome,), _) = await run(world, output_app("1", queue_name=queue))
        assert isinstance(outcome, Failure)
        assert outcome.message.startswith("BusError")
        assert re.search(said, outcome.message)

    @pytest.mark.verified("docs", feature="Service Bus output: a refusal fails the invocation")
    async def test_a_broken_connection_is_made_anew(self, world: World) -> None:
        sending = Sending(world)
        binding = output_of(output_app("1", queue_name="plain"))
        await sending.outputs.write(binding, Datum("1", "string"), Call({}))
        await break_connections(world)
        await sending.outputs.write(binding, Datum("2", "string"), Call({}))
        await sending.clients.close()
        assert {b"1", b"2"} == {body(each) for each in await received(world, 2)}

    @pytest.mark.verified("docs", feature="Service Bus output: a refusal fails the invocation")
    @pytest.mark.parametrize(("times", "kind"), [(3, Success), (4, Failure)])
    async def test_a_busy_broker_is_asked_as_often_as_the_sdk_asks(self, world: World, times: int, kind: type) -> None:
        assert world.server is not None
        world.server.faults.add(Fault(Effect.REFUSE, kinds=frozenset({"send"}), times=times))
        ((outcome,), _) = await run(world, output_app("1", queue_name="plain"))
        assert kind is type(outcome)
        assert (kind is Success) == (world.counts("plain")["active"] == 1)


@pytest.mark.verified("docs", feature="Service Bus output: a message")
async def test_a_function_of_one_queue_sends_to_another_before_its_message_is_completed(world: World) -> None:
    sending, app = Sending(world), func.FunctionApp()

    @app.service_bus_queue_trigger(arg_name="message", connection="BUS", queue_name="plain")
    @app.service_bus_topic_output(arg_name="out", connection="BUS", topic_name="events")
    def relay(message: func.ServiceBusMessage, out: func.Out[str]) -> None:
        out.set(message.get_body().decode())

    await world.send("plain", message("on"))
    recorder = Recorder()
    world.data = sending
    async with world.listening(app, recorder.app(subscription=("events", "all"))):
        await eventually(lambda: recorder.bodies == ["on"], "it is sent on")
        await eventually(lambda: world.counts("plain")["active"] == 0, "the first message is completed")
    await sending.clients.close()
