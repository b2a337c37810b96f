"""HTTP functions over real sockets: what reaches the function, what reaches the client."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import azure.functions as func
import pytest
from yarl import URL

from emulators.functions.cors import Cors
from emulators.functions.host_json import HostConfig
from emulators.functions.keys import Keys
from emulators.tests.functions.apps import Screen, served

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


def answering(answer: Any, **route: Any) -> func.FunctionApp:
    """An app with one anonymous function that answers what `answer` makes of a request."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route(**{"route": "f", **route})
    async def f(req: func.HttpRequest):  # type: ignore[no-untyped-def]
        return answer(req)

    return app


def echoing(**route: Any) -> func.FunctionApp:
    """An app whose function answers with what it received."""

    def answer(req: func.HttpRequest) -> func.HttpResponse:
        seen = {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "params": dict(req.params),
            "route": dict(req.route_params),
            "body": req.get_body().decode(),
        }
        return func.HttpResponse(json.dumps(seen), mimetype="application/json")

    return answering(answer, **route)


class TestRequests:
    @pytest.mark.verified("trace", feature="HTTP requests")
    async def test_method_url_route_and_query_arrive_as_the_host_sends_them(
        self, client: aiohttp.ClientSession
    ) -> None:
        async with served(echoing(route="echo/{name?}")) as url:
            sent = URL(f"{url}/api/Echo/abc%20d?x=1&x=2&y=%C3%BC&z=a+b", encoded=True)
            async with client.get(sent) as answer:
                seen = await answer.json()
        assert ("GET", str(sent)) == (seen["method"], seen["url"])
        assert {"name": "abc d"} == seen["route"]
        assert {"x": "1,2", "y": "ü", "z": "a b"} == seen["params"]

    @pytest.mark.verified("trace", feature="HTTP requests: empty query values are dropped")
    @pytest.mark.parametrize(
        ("query", "params"),
        [
            ("a=", {}),
            ("a", {}),
            ("a=&b=1", {"b": "1"}),
            ("x=A&x=", {"x": "A"}),
            ("x=&x=A", {"x": "A"}),
            ("&=z", {"": "z"}),
        ],
    )
    async def test_a_key_without_a_value_is_missing(
        self, client: aiohttp.ClientSession, query: str, params: dict[str, str]
    ) -> None:
        async with served(echoing()) as url, client.get(URL(f"{url}/api/f?{query}", encoded=True)) as answer:
            assert params == (await answer.json())["params"]

    @pytest.mark.verified("trace", feature="HTTP requests: headers")
    async def test_header_names_are_lower_case_and_repeated_ones_joined(self, client: aiohttp.ClientSession) -> None:
        headers = [("X-Custom", "V1"), ("X-Custom", "V2"), ("Cookie", "ck=1; ck2=2"), ("X-Empty", ""), ("X-U", "ü")]
        async with served(echoing()) as url, client.get(f"{url}/api/f", headers=headers) as answer:
            seen = (await answer.json())["headers"]
        assert ("V1,V2", "ck=1; ck2=2", "", "ü") == (seen["x-custom"], seen["cookie"], seen["x-empty"], seen["x-u"])

    @pytest.mark.verified("trace", feature="HTTP requests: bodies")
    async def test_a_body_arrives_as_it_was_sent(self, client: aiohttp.ClientSession) -> None:
        headers = {"Content-Encoding": "gzip"}
        async with served(echoing()) as url, client.post(f"{url}/api/f", data="é", headers=headers) as answer:
            assert "é" == (await answer.json())["body"]

    @pytest.mark.verified("trace", feature="HTTP requests: a chunked body arrives empty")
    async def test_a_chunked_body_arrives_empty(self, client: aiohttp.ClientSession) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"abc"

        async with served(echoing()) as url, client.post(f"{url}/api/f", data=pieces()) as answer:
            assert "" == (await answer.json())["body"]

    @pytest.mark.verified("trace", feature="HTTP routes")
    async def test_a_wrong_method_is_not_found(self, client: aiohttp.ClientSession) -> None:
        async with served(echoing(methods=["GET"])) as url, client.post(f"{url}/api/f") as answer:
            assert 404 == answer.status

    @pytest.mark.verified("trace", feature="HTTP routes")
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
    async def test_without_methods_every_one_is_answered(self, client: aiohttp.ClientSession, method: str) -> None:
        async with served(echoing()) as url, client.request(method, f"{url}/api/f") as answer:
            assert 200 == answer.status

    @pytest.mark.verified("trace", feature="HTTP routes")
    async def test_the_prefix_of_host_json_may_be_empty(self, client: aiohttp.ClientSession) -> None:
        async with served(echoing(), config=HostConfig(route_prefix="")) as url, client.get(f"{url}/f") as answer:
            assert 200 == answer.status

    @pytest.mark.verified("trace", feature="HTTP routes")
    async def test_a_disabled_function_has_no_route(self, client: aiohttp.ClientSession) -> None:
        disabled = {"AzureWebJobs.f.Disabled": "true"}
        async with served(echoing(), environment=disabled) as url, client.get(f"{url}/api/f") as answer:
            assert 404 == answer.status

    @pytest.mark.verified("docs", feature="Unknown binding fields")
    async def test_a_function_with_an_unknown_field_runs(self, client: aiohttp.ClientSession) -> None:
        app = echoing(trigger_extra_fields={"methodes": ["GET"]})
        async with served(app) as url, client.get(f"{url}/api/f") as answer:
            assert 200 == answer.status

    @pytest.mark.verified("docs", feature="%SETTING% references")
    async def test_a_function_in_error_answers_501_with_its_reason(self, client: aiohttp.ClientSession) -> None:
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

        @app.route("f")
        @app.cosmos_db_input(arg_name="it", connection="C", database_name="%NOPE%", container_name="c")
        def f(req: func.HttpRequest, it: func.DocumentList) -> func.HttpResponse:
            return func.HttpResponse()

        async with served(app) as url, client.get(f"{url}/api/f") as answer:
            assert 501 == answer.status
            assert "'%NOPE%' does not resolve" in await answer.text()

    @pytest.mark.verified("docs", feature="HTTP requests: bodies nested deeply")
    @pytest.mark.parametrize("depth", [400, 1_000, 100_000])
    async def test_a_body_reaches_the_function_however_deeply_it_is_nested(
        self, client: aiohttp.ClientSession, depth: int
    ) -> None:
        body = '{"a":' * depth + "1" + "}" * depth

        def answer(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse(req.get_body())

        headers = {"Content-Type": "application/json"}
        async with served(answering(answer)) as url, client.post(f"{url}/api/f", data=body, headers=headers) as got:
            assert (200, body) == (got.status, await got.text())

    @pytest.mark.verified("docs", feature="HTTP requests: bodies nested deeply")
    async def test_a_start_by_hand_with_such_a_body_is_refused(self, client: aiohttp.ClientSession) -> None:
        headers = {"Content-Type": "application/json"}
        async with (
            served(echoing()) as url,
            client.post(f"{url}/admin/functions/f", data="[" * 100_000, headers=headers) as got,
        ):
            assert 400 == got.status


class TestResponses:
    async def get(self, client: aiohttp.ClientSession, value: Any) -> tuple[int, aiohttp.ClientResponse, bytes]:
        async with served(answering(lambda _: value)) as url, client.get(f"{url}/api/f") as answer:
            return answer.status, answer, await answer.read()

    @pytest.mark.verified("trace", feature="HTTP responses")
    async def test_status_headers_and_body_are_the_functions(self, client: aiohttp.ClientSession) -> None:
        response = func.HttpResponse(b"\x00\xff", status_code=202, headers={"X-A": "1"}, mimetype="image/x")
        status, answer, body = await self.get(client, response)
        assert (202, b"\x00\xff") == (status, body)
        assert ("1", "image/x", "7") == (
            answer.headers["X-A"],
            answer.headers["Content-Type"],
            answer.headers["x-devstack-host"],
        )

    @pytest.mark.verified("trace", feature="HTTP responses")
    async def test_an_answer_is_sent_in_chunks_as_plain_text_unless_told_otherwise(
        self, client: aiohttp.ClientSession
    ) -> None:
        _, answer, _ = await self.get(client, func.HttpResponse("x"))
        assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]
        assert "chunked" == answer.headers["Transfer-Encoding"]
        assert "Content-Length" not in answer.headers

    @pytest.mark.verified("trace", feature="HTTP responses")
    async def test_a_content_length_of_the_function_is_sent_as_it_is(self, client: aiohttp.ClientSession) -> None:
        _, answer, body = await self.get(client, func.HttpResponse("xyz", headers={"Content-Length": "3"}))
        assert ("3", b"xyz") == (answer.headers["Content-Length"], body)

    @pytest.mark.verified("trace", feature="HTTP responses: cookies")
    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ("a=b", "a=b; domain=; path="),
            ("a=b; Path=/", "a=b; domain=; path=/"),
            ("a=b; Path=/x; HttpOnly; SameSite=Lax; Secure", "a=b; domain=; path=/x; secure; samesite=lax; httponly"),
            (
                "a=b; Domain=d.e; Max-Age=5; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
                "a=b; expires=Wed, 21 Oct 2026 07:28:00 GMT; max-age=5; domain=d.e; path=",
            ),
        ],
    )
    async def test_a_cookie_is_rendered_anew(self, client: aiohttp.ClientSession, given: str, sent: str) -> None:
        _, answer, _ = await self.get(client, func.HttpResponse(headers={"Set-Cookie": given}))
        assert sent == answer.headers["Set-Cookie"]

    @pytest.mark.verified("trace", feature="HTTP responses: values that are no response")
    @pytest.mark.parametrize("value", [None, 5, b"bytes", {"a": 1}])
    async def test_a_value_that_is_no_response_is_500_without_a_body(
        self, client: aiohttp.ClientSession, value: Any
    ) -> None:
        status, _, body = await self.get(client, value)
        assert (500, b"") == (status, body)

    @pytest.mark.verified("trace", feature="HTTP responses: exceptions")
    async def test_an_exception_is_500_without_a_body_and_told_in_the_console(
        self, client: aiohttp.ClientSession
    ) -> None:
        def boom(_: func.HttpRequest) -> None:
            raise ValueError("boom")

        screen = Screen()
        async with served(answering(boom), screen=screen) as url, client.get(f"{url}/api/f") as answer:
            assert (500, b"") == (answer.status, await answer.read())
        assert "f FAILED GET /api/f" in screen.text
        assert "ValueError: boom" in screen.text
        assert 'raise ValueError("boom")' in screen.text

    @pytest.mark.verified("trace", feature="HTTP responses: text instead of a response")
    @pytest.mark.parametrize(
        ("text", "status", "body"),
        [
            ("hello", 200, "hello"),
            ('"x"', 200, "x"),
            ('{"status":404,"body":"hey","headers":{"x-q":"1"}}', 404, "hey"),
            ('{"a":"2026-01-02T03:04:05.000Z"}', 200, '{\n  "a": "2026-01-02T03:04:05Z"\n}'),
        ],
    )
    async def test_a_returned_text_is_read_as_json_by_the_host(
        self, client: aiohttp.ClientSession, text: str, status: int, body: str
    ) -> None:
        got, answer, content = await self.get(client, text)
        assert (status, body) == (got, content.decode())
        assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]

    @pytest.mark.verified("docs", feature="HTTP responses: text instead of a response")
    async def test_a_text_that_only_a_lenient_parser_reads_is_refused_rather_than_sent_wrong(
        self, client: aiohttp.ClientSession
    ) -> None:
        screen = Screen()
        app = answering(lambda _: "[1,2")
        async with served(app, screen=screen) as url, client.get(f"{url}/api/f") as answer:
            assert 500 == answer.status
        assert "return an HttpResponse" in screen.text


class TestNamedResponse:
    """The answer as an output parameter, under a name of its own."""

    def app(self, annotation: Any, *values: Any, is_async: bool = False) -> func.FunctionApp:
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

        def plain(req: func.HttpRequest, answer: Any) -> None:
            for value in values:
                answer.set(value)

        async def asynchronous(req: func.HttpRequest, answer: Any) -> None:
            plain(req, answer)

        handler = asynchronous if is_async else plain
        handler.__annotations__["answer"] = func.Out[annotation]
        app.function_name("named")(app.route("named", binding_arg_name="answer")(handler))
        return app

    @pytest.mark.verified("docs", feature="HTTP responses: a named output")
    @pytest.mark.parametrize("is_async", [False, True])
    async def test_what_is_set_is_the_answer(self, client: aiohttp.ClientSession, is_async: bool) -> None:
        answers = (func.HttpResponse("first"), func.HttpResponse("made", status_code=201, headers={"X-A": "1"}))
        app = self.app(func.HttpResponse, *answers, is_async=is_async)
        async with served(app) as url, client.get(f"{url}/api/named") as answer:
            assert (201, "1", "made") == (answer.status, answer.headers["X-A"], await answer.text())

    @pytest.mark.verified("docs", feature="HTTP responses: a named output")
    async def test_a_text_is_an_answer_too(self, client: aiohttp.ClientSession) -> None:
        async with served(self.app(str, "text")) as url, client.get(f"{url}/api/named") as answer:
            assert (200, "text") == (answer.status, await answer.text())

    @pytest.mark.verified("docs", feature="HTTP responses: a named output")
    async def test_nothing_set_is_an_empty_200(self, client: aiohttp.ClientSession) -> None:
        async with served(self.app(func.HttpResponse)) as url, client.get(f"{url}/api/named") as answer:
            assert (200, b"") == (answer.status, await answer.read())

    @pytest.mark.verified("docs", feature="HTTP responses: a named output")
    async def test_a_value_returned_beside_it_fails_the_invocation(self, client: aiohttp.ClientSession) -> None:
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

        @app.route("named", binding_arg_name="answer")
        def named(req: func.HttpRequest, answer: func.Out[func.HttpResponse]) -> str:
            answer.set(func.HttpResponse("set"))
            return "returned"

        async with served(app) as url, client.get(f"{url}/api/named") as answer:
            assert (500, b"") == (answer.status, await answer.read())


class TestMiddleware:
    @pytest.mark.verified("docs", feature="AsgiFunctionApp")
    async def test_an_asgi_app_answers_every_path(self, client: aiohttp.ClientSession) -> None:
        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            body = (await receive())["body"]
            await send({"type": "http.response.start", "status": 203, "headers": [(b"content-type", b"a/b")]})
            await send({"type": "http.response.body", "body": scope["path"].encode() + b" " + body})

        app = func.AsgiFunctionApp(asgi, func.AuthLevel.ANONYMOUS)
        # The library's task for the events of start and end would outlive this test.
        app.startup_task_done = True
        config = HostConfig(route_prefix="")
        async with served(app, config=config) as url, client.put(f"{url}/x/y", data=b"z") as answer:
            assert (203, b"/x/y z") == (answer.status, await answer.read())
        app.startup_task_done = False

    @pytest.mark.verified("docs", feature="WsgiFunctionApp")
    async def test_a_wsgi_app_answers_every_path(self, client: aiohttp.ClientSession) -> None:
        def wsgi(environ: Any, start_response: Any) -> list[bytes]:
            start_response("203 Fine", [("Content-Type", "a/b")])
            return [environ["PATH_INFO"].encode()]

        app = func.WsgiFunctionApp(wsgi, func.AuthLevel.ANONYMOUS)
        config = HostConfig(route_prefix="")
        async with served(app, config=config) as url, client.get(f"{url}/x/y") as answer:
            assert (203, b"/x/y") == (answer.status, await answer.read())


class TestLimits:
    @pytest.mark.verified("trace", feature="HTTP limits of host.json")
    async def test_some_run_some_wait_and_the_others_get_429_at_once(self, client: aiohttp.ClientSession) -> None:
        release = asyncio.Event()
        loop = asyncio.get_running_loop()
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
        most = running = 0

        @app.route(route="f")
        async def f(req: func.HttpRequest) -> func.HttpResponse:
            nonlocal most, running
            running += 1
            most = max(most, running)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(release.wait(), loop))
            running -= 1
            return func.HttpResponse()

        config = HostConfig(max_concurrent_requests=2, max_outstanding_requests=3)
        async with served(app, config=config) as url:

            async def get() -> int:
                async with client.get(f"{url}/api/f") as answer:
                    return answer.status

            requests = [asyncio.create_task(get()) for _ in range(6)]
            refused = 0
            while refused < 3:
                done, _ = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED, timeout=10)
                assert {429} == {task.result() for task in done}
                refused += len(done)
                requests = [task for task in requests if task not in done]
            release.set()
            assert [200, 200, 200] == await asyncio.gather(*requests)
        assert 2 == most


class TestKeys:
    KEYS = Keys(master="m", default="d", functions={"f": "own"})

    def app(self, level: func.AuthLevel) -> func.FunctionApp:
        return answering(lambda _: func.HttpResponse("in"), auth_level=level)

    @pytest.mark.verified("docs", feature="Function keys")
    @pytest.mark.parametrize(
        ("level", "key", "status"),
        [
            (func.AuthLevel.ANONYMOUS, None, 200),
            (func.AuthLevel.FUNCTION, None, 401),
            (func.AuthLevel.FUNCTION, "wrong", 401),
            (func.AuthLevel.FUNCTION, "d", 200),
            (func.AuthLevel.FUNCTION, "own", 200),
            (func.AuthLevel.FUNCTION, "m", 200),
            (func.AuthLevel.ADMIN, "d", 401),
            (func.AuthLevel.ADMIN, "m", 200),
        ],
    )
    async def test_keys_open_what_their_level_allows(
        self, client: aiohttp.ClientSession, level: func.AuthLevel, key: str | None, status: int
    ) -> None:
        headers = {} if key is None else {"x-functions-key": key}
        async with served(self.app(level), keys=self.KEYS) as url:
            async with client.get(f"{url}/api/f", headers=headers) as answer:
                assert status == answer.status
            async with client.get(f"{url}/api/f", params={} if key is None else {"code": key}) as answer:
                assert status == answer.status
                assert status == 200 or await answer.read() == b""

    @pytest.mark.verified("trace", feature="Function keys")
    async def test_administration_asks_for_the_master_key_and_a_ping_does_not(
        self, client: aiohttp.ClientSession
    ) -> None:
        async with served(self.app(func.AuthLevel.FUNCTION), keys=self.KEYS) as url:
            async with client.get(f"{url}/admin/host/status") as answer:
                assert (401, "Bearer") == (answer.status, answer.headers["WWW-Authenticate"])
            async with client.get(f"{url}/admin/host/status", headers={"x-functions-key": "m"}) as answer:
                assert 200 == answer.status
            for open_path in ("/admin/host/ping", "/"):
                async with client.get(url + open_path) as answer:
                    assert 200 == answer.status

    @pytest.mark.verified("docs", feature="Function keys")
    async def test_without_keys_nothing_is_asked_as_under_func_start(self, client: aiohttp.ClientSession) -> None:
        async with served(self.app(func.AuthLevel.ADMIN)) as url, client.get(f"{url}/api/f") as answer:
            assert 200 == answer.status


class TestCors:
    ORIGIN = "http://localhost:3000"

    @pytest.mark.verified("docs", feature="CORS")
    async def test_an_allowed_origin_may_read_the_answer_and_another_may_not(
        self, client: aiohttp.ClientSession
    ) -> None:
        async with served(echoing(), cors=Cors((self.ORIGIN,), credentials=True)) as url:
            async with client.get(f"{url}/api/f", headers={"Origin": self.ORIGIN}) as answer:
                assert self.ORIGIN == answer.headers["Access-Control-Allow-Origin"]
                assert "true" == answer.headers["Access-Control-Allow-Credentials"]
            async with client.get(f"{url}/api/f", headers={"Origin": "http://elsewhere"}) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers

    @pytest.mark.verified("docs", feature="CORS")
    async def test_a_preflight_request_is_answered_by_the_host(self, client: aiohttp.ClientSession) -> None:
        headers = {"Origin": self.ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "a"}
        cors = Cors(("*",), credentials=False)
        async with served(echoing(), cors=cors) as url, client.options(f"{url}/api/f", headers=headers) as answer:
            assert 204 == answer.status
            assert ("*", "PUT", "a") == tuple(
                answer.headers[f"Access-Control-Allow-{name}"] for name in ("Origin", "Methods", "Headers")
            )


class TestAdministration:
    def app(self) -> tuple[func.FunctionApp, "asyncio.Queue[Any]"]:
        app = echoing()
        seen: asyncio.Queue[Any] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        @app.cosmos_db_trigger(arg_name="docs", connection="C", database_name="d", container_name="c")
        def project(docs: func.DocumentList) -> None:
            loop.call_soon_threadsafe(seen.put_nowait, [document.to_dict() for document in docs])

        return app, seen

    @pytest.mark.verified("trace", feature="POST /admin/functions/<name>")
    async def test_a_function_is_started_by_hand_with_its_input(self, client: aiohttp.ClientSession) -> None:
        app, seen = self.app()
        async with served(app) as url:
            async with client.post(f"{url}/admin/functions/project", json={"input": '[{"id":"1"}]'}) as answer:
                assert 202 == answer.status
            assert [{"id": "1"}] == await asyncio.wait_for(seen.get(), 10)

    @pytest.mark.verified("trace", feature="POST /admin/functions/<name>")
    async def test_only_json_and_known_names_are_accepted(self, client: aiohttp.ClientSession) -> None:
        app, _ = self.app()
        async with served(app) as url:
            async with client.post(f"{url}/admin/functions/project", data="x") as answer:
                assert 415 == answer.status
            async with client.post(f"{url}/admin/functions/nobody", json={}) as answer:
                assert 404 == answer.status

    @pytest.mark.verified("docs", feature="GET /admin/…")
    async def test_the_host_lists_its_functions_and_its_state(self, client: aiohttp.ClientSession) -> None:
        app, _ = self.app()
        async with served(app) as url:
            async with client.get(f"{url}/admin/functions") as answer:
                assert ["f", "project"] == [each["name"] for each in await answer.json()]
            async with client.get(f"{url}/admin/host/status") as answer:
                assert "Running" == (await answer.json())["state"]
