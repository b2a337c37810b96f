"""`operate parked` over a store that holds what consumers have put aside."""

import base64
import contextlib
import json
import os
import shlex
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now
from engine.consuming.parked.cosmos import CosmosParkedStore
from engine.consuming.parked.port import Failure
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, NOTIFICATION_QUEUE
from engine.services import Services
from engine.storing.cosmos_account import open_client
from engine.storing.items import to_item
from operate import parked
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from projections.order_details import ORDER_DETAILS
from tests.engine.contexts import context
from tests.operate.process import operate
from tests.registered import ENVELOPES
from tests.settings import NO_BUS

STREAM = "order-o-1"
PLACE = PlaceOrder("o-1", "ada", (OrderLine("mug", 1, Money(100, "EUR")),))


@dataclass(frozen=True)
class Desk:
    environment: Mapping[str, str]
    services: Services

    async def park(self, number: int, body: bytes) -> None:
        failure = Failure("ValueError: a defect", "Traceback …", 5, utc_now())
        await self.services.parked.park(COMMAND_QUEUE, Received(f"m-{number}", STREAM, number, body), failure)

    async def park_alone(self, number: int, body: bytes) -> None:
        failure = Failure("UnreadableMessage: its body is not JSON", "Traceback …", 1, utc_now())
        message = Received(f"m-{number}", None, number, body, {"traceparent": "00-…"})
        await self.services.parked.park_alone(COMMAND_QUEUE, message, failure)

    async def keys(self) -> list[str]:
        return [each.key for each in await self.services.parked.alone(COMMAND_QUEUE)]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        async with build(settings) as services:
            yield Desk(environment, services)


def command(key: str, command: object) -> bytes:
    return ENVELOPES.command_message(context(key).to(STREAM, command)).body


def lines(capsys: pytest.CaptureFixture[str]) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_what_is_parked_is_listed_shown_and_released_in_order(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.park(1, command("c-1", PLACE))
    await desk.park(2, command("c-2", CancelOrder("no")))
    await desk.park_alone(3, b"\xff")
    await parked.list_all(desk.environment, None, as_json=True)
    session, alone = lines(capsys)
    assert (COMMAND_QUEUE, STREAM, 2, "ValueError: a defect", 5) == tuple(
        session[name] for name in ("consumer", "session", "waiting", "error", "attempts")
    )
    assert "UnreadableMessage: its body is not JSON" == alone["error"]

    await parked.show(desk.environment, COMMAND_QUEUE, STREAM, as_json=False)
    shown = capsys.readouterr().out
    assert "Traceback" in shown
    assert shown.index('"PlaceOrder"') < shown.index('"CancelOrder"')

    await parked.release(desk.environment, COMMAND_QUEUE, [STREAM], everything=False, as_json=True)
    told = capsys.readouterr()
    assert "m-2 handled" in told.err
    assert {"consumer": COMMAND_QUEUE, "name": STREAM, "released": True, "error": None} == json.loads(told.out)
    events = await desk.services.commands.store.read(STREAM)
    assert ["OrderPlaced", "OrderCancelled"] == [event.type for event in events]
    await parked.list_all(desk.environment, COMMAND_QUEUE, as_json=True)
    assert [alone["alone"]] == [each["alone"] for each in lines(capsys)]


async def test_what_fails_again_stays_and_the_rest_is_released(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.park(1, command("c-1", PLACE))
    await desk.park_alone(3, b"\xff")
    with pytest.raises(CommandFailed, match="1 of 2 are still parked"):
        await parked.release(desk.environment, COMMAND_QUEUE, [], everything=True, as_json=True)
    assert [True, False] == [each["released"] for each in lines(capsys)]


async def test_what_is_parked_alone_is_shown_and_released_by_its_key(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.park_alone(1, command("c-1", PLACE))
    await desk.park_alone(2, b"\xff")
    await parked.list_all(desk.environment, COMMAND_QUEUE, as_json=True)
    first, second = (str(each["alone"]) for each in lines(capsys))
    await parked.show(desk.environment, COMMAND_QUEUE, second, as_json=True)
    (shown,) = lines(capsys)
    assert (second, "UnreadableMessage: its body is not JSON") == (shown["name"], shown["error"])
    with pytest.raises(CommandFailed, match=r"2 of 2 are still parked: .* and `operate parked discard` takes away"):
        await parked.release(desk.environment, COMMAND_QUEUE, [first, second], everything=False, as_json=True)
    assert [first, second] == [each["name"] for each in lines(capsys)]


async def test_people_get_text_and_not_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.park(1, command("c-1", PLACE))
    await parked.show(desk.environment, COMMAND_QUEUE, STREAM, as_json=False)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:4] == [
        f"consumer     {COMMAND_QUEUE}",
        f"name         {STREAM}",
        "waits for    an operator",
        "error        ValueError: a defect",
    ]
    assert "message id  m-1" in shown
    assert '    "type": "PlaceOrder",' in shown
    await parked.show(desk.environment, COMMAND_QUEUE, STREAM, as_json=False)
    release = f"once the cause is mended: `operate parked release {COMMAND_QUEUE} --name {STREAM}`\n"
    assert release == capsys.readouterr().err
    await parked.list_all(desk.environment, COMMAND_QUEUE, as_json=False)
    told = capsys.readouterr()
    assert "`operate parked show CONSUMER NAME` has the trace of each\n" == told.err
    head, row = told.out.splitlines()
    assert ["consumer", "name", "event", "waiting", "waits", "for", "error", "attempts", "age"] == head.split()
    assert [COMMAND_QUEUE, STREAM, "1", "an", "operator", "ValueError:"] == row.split()[:6]


async def test_nothing_is_said_to_be_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await parked.list_all(desk.environment, None, as_json=True)
    await parked.release(desk.environment, COMMAND_QUEUE, [], everything=True, as_json=True)
    told = capsys.readouterr()
    assert ("", "nothing is parked\n" * 2) == (told.out, told.err)


async def test_without_a_receiver_no_notification_is_released_into_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = Failure("GaveUp: the receiver answered 503", "Traceback …", 10, utc_now())
    await desk.services.parked.park_alone(NOTIFICATION_QUEUE, Received("e-1/9", None, 1, b"{}"), failure)
    with pytest.raises(CommandFailed, match="NOTIFICATIONS_WEBHOOK is not set here"):
        await parked.release(desk.environment, NOTIFICATION_QUEUE, [], everything=True, as_json=False)
    await parked.list_all(desk.environment, NOTIFICATION_QUEUE, as_json=True)
    assert 1 == len(lines(capsys))


async def test_what_is_not_there_is_named_with_what_is(desk: Desk) -> None:
    with pytest.raises(
        CommandFailed,
        match="no consumer 'comands'; there are commands, notifications, order-",
    ):
        await parked.list_all(desk.environment, "comands", as_json=False)
    with pytest.raises(CommandFailed, match="nothing named 'order-o-2'"):
        await parked.show(desk.environment, COMMAND_QUEUE, "order-o-2", as_json=False)
    with pytest.raises(CommandFailed, match="nothing named 'order-o-2'"):
        await parked.release(desk.environment, COMMAND_QUEUE, ["order-o-2"], everything=False, as_json=False)


class TestDiscarding:
    """A message that can never be handled is printed, and then taken away."""

    @pytest.fixture
    async def key(self, desk: Desk) -> str:
        await desk.park_alone(1, b"\xff\x00")
        await desk.park_alone(2, b"{}")
        return next(each for each in await desk.keys() if "1-" in each)

    async def test_with_yes_all_of_it_is_printed_and_that_one_alone_is_taken_away(self, desk: Desk, key: str) -> None:
        ended = await operate(
            "parked", "discard", COMMAND_QUEUE, "--name", key, "--yes", COSMOS=desk.environment["COSMOS"]
        )
        assert (ExitStatus.DONE, f"{key} of commands is taken away") == (ended.status, ended.err.splitlines()[-1])
        expected = {
            "consumer": COMMAND_QUEUE,
            "name": key,
            "error": "UnreadableMessage: its body is not JSON",
            "trace": "Traceback …",
            "attempts": 1,
            "newer": None,
            "number": 1,
            "messageId": "m-1",
            "session": None,
            "properties": {"traceparent": "00-…"},
            "body": "ff00",
            "bodyBase64": base64.b64encode(b"\xff\x00").decode(),
        }
        printed = json.loads(ended.out)
        assert expected == {name: printed[name] for name in expected}
        assert ["m-2"] == [each.message.message_id for each in await desk.services.parked.alone(COMMAND_QUEUE)]

    async def test_without_yes_it_is_printed_and_stays(self, desk: Desk, key: str) -> None:
        ended = await operate("parked", "discard", COMMAND_QUEUE, "--name", key, COSMOS=desk.environment["COSMOS"])
        assert (ExitStatus.FINDINGS, "m-1") == (ended.status, json.loads(ended.out)["messageId"])
        assert f"{key} of commands is still parked: with --yes it is taken away, for good and unhandled" == (
            ended.complaint
        )
        assert key in await desk.keys()

    async def test_what_cannot_be_printed_is_not_taken_away(self, desk: Desk, key: str) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with pytest.raises(BrokenPipeError), os.fdopen(writer, "w") as unread, contextlib.redirect_stdout(unread):
            await parked.discard(desk.environment, COMMAND_QUEUE, key, yes=True)
        assert key in await desk.keys()

    async def test_one_that_somebody_takes_away_meanwhile_is_told_as_gone(
        self, desk: Desk, key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remove = CosmosParkedStore.remove_alone

        async def after_another(self: CosmosParkedStore, consumer: str, key: str) -> bool:
            await remove(self, consumer, key)
            return await remove(self, consumer, key)

        monkeypatch.setattr(CosmosParkedStore, "remove_alone", after_another)
        with pytest.raises(CommandFailed, match="is gone already: it was released or discarded meanwhile") as gone:
            await parked.discard(desk.environment, COMMAND_QUEUE, key, yes=True)
        assert ExitStatus.UNKNOWN == gone.value.status
        assert ["m-1"] == [each["messageId"] for each in lines(capsys)]
        with pytest.raises(CommandFailed, match="has parked nothing named") as unknown:
            await parked.discard(desk.environment, COMMAND_QUEUE, key, yes=True)
        assert ExitStatus.UNKNOWN == unknown.value.status

    async def test_a_session_is_refused_with_the_command_that_releases_it(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.park(1, command("c-1", PLACE))
        release = f"mend the cause, then `operate parked release {COMMAND_QUEUE} --name {STREAM}`"
        with pytest.raises(CommandFailed, match=f"{STREAM} is a session, .*{release}") as refused:
            await parked.discard(desk.environment, COMMAND_QUEUE, STREAM, yes=True)
        assert (ExitStatus.FAILED, "") == (refused.value.status, capsys.readouterr().out)
        assert {STREAM} == await desk.services.parked.sessions(COMMAND_QUEUE)

    async def test_who_looks_at_one_is_told_how_it_leaves(
        self, desk: Desk, key: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await parked.show(desk.environment, COMMAND_QUEUE, key, as_json=False)
        assert [
            f"once the cause is mended: `operate parked release commands --name {shlex.quote(key)}`",
            f"if it can never be handled: `operate parked discard commands --name {shlex.quote(key)}`",
        ] == capsys.readouterr().err.splitlines()


BAD: Final = {
    "id": "0000000003",
    "streamId": STREAM,
    "version": "three",
    "type": "OrderPlaced",
    "schema": 1,
    "commandKey": "stranger/0",
    "data": {},
}


class TestOfTheFeed:
    """An event of a parked stream is mended in the store, and the consumer is given it again by a release."""

    @pytest.fixture
    async def items(self, desk: Desk) -> list[dict[str, Any]]:
        for key, command_ in (("c-1", PLACE), ("c-2", CancelOrder("no"))):
            await desk.services.commands.handle(ORDER, context(key).to(STREAM, command_))
        return [to_item(event) for event in await desk.services.commands.store.read(STREAM)]

    @pytest.fixture(autouse=True)
    async def _parked(self, desk: Desk, items: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.consuming.feed_runner._FIRST_PAUSE", 0)
        first, second = items
        await desk.services.projector.run(ORDER_DETAILS, [{**first, "data": {}}])
        await desk.services.projector.run(ORDER_DETAILS, [second])

    async def test_it_is_listed_shown_and_released(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        await parked.list_all(desk.environment, None, as_json=True)
        (listed,) = lines(capsys)
        assert {"consumer": "order-details@1", "stream": STREAM, "version": 1, "type": "OrderPlaced", "waiting": 2} == {
            name: listed[name] for name in ("consumer", "stream", "version", "type", "waiting")
        }
        assert "UndecodableEvent" in str(listed["error"])
        assert {"attempts", "at", "ageSeconds", "first", "seen", "waitsFor"} <= listed.keys()
        await parked.show(desk.environment, "order-details@1", STREAM, as_json=True)
        (shown,) = lines(capsys)
        assert "Traceback" in str(shown["trace"])
        await parked.show(desk.environment, "order-details@1", STREAM, as_json=False)
        assert "waits for    an operator" in capsys.readouterr().out.splitlines()

        await parked.release(desk.environment, "order-details@1", [STREAM], everything=False, as_json=True)
        told = capsys.readouterr()
        assert {"consumer": "order-details@1", "name": STREAM, "released": True, "error": None} == json.loads(told.out)
        assert "2 of 2 events" in told.err
        key = ORDER_DETAILS.key_of_stream(STREAM)
        view = await desk.services.projector.views.get(ORDER_DETAILS.name, key)
        assert view is not None
        assert 2 == view.position
        await parked.release(desk.environment, "order-details@1", [], everything=True, as_json=True)
        assert "nothing is parked" in capsys.readouterr().err

    async def test_what_fails_again_says_so_and_stays(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        async with open_client(Settings.from_mapping(desk.environment).engine.cosmos) as client:
            events = client.get_database_client("orders").get_container_client("events")
            await events.upsert_item(BAD)
        with pytest.raises(CommandFailed, match=r"1 of 1 are still parked: `operate parked show` has the reasons$"):
            await parked.release(desk.environment, "order-details@1", [STREAM], everything=False, as_json=False)
        assert "its envelope cannot be read" in capsys.readouterr().out

    async def test_it_is_never_discarded(self, desk: Desk) -> None:
        with pytest.raises(CommandFailed, match=f"{STREAM} is a stream, .*release order-details@1 --name {STREAM}"):
            await parked.discard(desk.environment, "order-details@1", STREAM, yes=True)
        assert {STREAM} == (await desk.services.parked_streams.index("order-details@1")).stream_ids

    async def test_people_get_the_event_and_the_age_in_the_table(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await parked.list_all(desk.environment, "order-details@1", as_json=False)
        _, row = capsys.readouterr().out.splitlines()
        assert ["order-details@1", STREAM, "1", "OrderPlaced", "2"] == row.split()[:5]
        assert row.split()[-1].startswith("0:00:")
