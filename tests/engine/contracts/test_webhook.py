"""Notifications over the wire, to a receiver on loopback."""

import asyncio
import hashlib
import hmac
import logging
import re
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from opentelemetry.trace import StatusCode

from engine.messaging.notification import Notification, NotReceived
from engine.messaging.webhook import HttpWebhook
from engine.testing.times import NOON
from tests.engine.contracts.receiver import Receiver, accepted, receiving
from tests.engine.telemetry.kept import keeping

SECRET = "the-quiet-secret"
NOTIFICATION = Notification("event-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b'{"a":1}')


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def webhook(receiver: Receiver) -> AsyncIterator[HttpWebhook]:
    webhook = HttpWebhook(receiver.url, SECRET, lambda: NOON)
    yield webhook
    await webhook.close()


async def test_the_receiver_can_tell_who_posts(receiver: Receiver, webhook: HttpWebhook) -> None:
    await webhook.post(NOTIFICATION)
    ((headers, body),) = receiver.came
    assert NOTIFICATION.body == body
    assert ("event-1", NOTIFICATION.traceparent) == (headers["X-Event-Id"], headers["traceparent"])
    assert "application/json" == headers["Content-Type"]
    match = re.fullmatch(r"t=([0-9]+),v1=([0-9a-f]{64})", headers["X-Signature"])
    assert match is not None
    assert int(NOON.timestamp()) == int(match[1])
    expected = hmac.new(SECRET.encode(), match[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert expected == match[2]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_only_a_success_is_one(receiver: Receiver, webhook: HttpWebhook, status: int) -> None:
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, text="no")

    receiver.answer = refuse
    with keeping() as kept:
        with pytest.raises(NotReceived, match=f"the receiver answered {status}"):
            await webhook.post(NOTIFICATION)
        assert kept.one("POST").status.status_code is StatusCode.ERROR
    assert 1 == len(receiver.came)


async def test_a_redirect_is_not_followed(receiver: Receiver, webhook: HttpWebhook) -> None:
    async def elsewhere(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": receiver.url})

    receiver.answer = elsewhere
    with pytest.raises(NotReceived, match="answered 307"):
        await webhook.post(NOTIFICATION)
    assert 1 == len(receiver.came)


async def test_a_receiver_that_does_not_answer_is_given_up(receiver: Receiver) -> None:
    silent = asyncio.Event()

    async def wait(_: web.BaseRequest) -> web.StreamResponse:
        await silent.wait()
        return web.Response()

    receiver.answer = wait
    webhook = HttpWebhook(receiver.url, SECRET, lambda: NOON, lifetime=0.1)
    with pytest.raises(NotReceived, match=r"has not answered for 0\.1 s"):
        await webhook.post(NOTIFICATION)
    silent.set()
    await webhook.close()


async def test_a_receiver_that_hangs_up_has_said_nothing_and_is_posted_the_same_again(
    receiver: Receiver, webhook: HttpWebhook
) -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    receiver.answer = hang_up
    with pytest.raises(NotReceived, match="no answer"):
        await webhook.post(NOTIFICATION)
    receiver.answer = accepted
    await webhook.post(NOTIFICATION)
    first, second = receiver.came
    assert (first[0]["X-Event-Id"], first[1]) == (second[0]["X-Event-Id"], second[1])


async def test_one_that_hangs_up_in_the_middle_of_its_answer_has_accepted(
    receiver: Receiver, webhook: HttpWebhook
) -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    receiver.answer = half
    await webhook.post(NOTIFICATION)


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_told_without_secrets(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        webhook = HttpWebhook(f"http://127.0.0.1:{port}/?token=hidden", SECRET, lambda: NOON)
        with pytest.raises(NotReceived, match="what the receiver answers is no HTTP") as raised:
            await webhook.post(NOTIFICATION)
        await webhook.close()
    assert raised.value.__suppress_context__


async def test_what_goes_wrong_is_told_without_secrets(
    receiver: Receiver, webhook: HttpWebhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = HttpWebhook(
            f"http://user:{SECRET}@127.0.0.1:{unused.getsockname()[1]}/?token=hidden", SECRET, lambda: NOON
        )
        nonsense = HttpWebhook("http://h:port/?token=hidden", SECRET, lambda: NOON)
        texts = []
        for each in (nobody, nonsense):
            with pytest.raises(NotReceived) as error:
                await each.post(NOTIFICATION)
            assert error.value.__suppress_context__
            texts.append(str(error.value))
            await each.close()
    assert "no answer from the receiver: ClientConnectorError" in texts[0]
    assert "NOTIFICATIONS_WEBHOOK is no URL" in texts[1]
    await webhook.post(NOTIFICATION)
    for text in (*texts, caplog.text, repr(webhook)):
        assert SECRET not in text
        assert "hidden" not in text
