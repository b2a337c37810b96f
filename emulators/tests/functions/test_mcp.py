"""The MCP extension: tools over HTTP, as a client of the Model Context Protocol meets them."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import azure.functions as func
import pytest

from emulators.functions.host_json import HostConfig, HostJsonError, read_host_json
from emulators.functions.keys import Keys, ensure_keys, read_keys
from emulators.functions.mcp.options import McpOptions
from emulators.tests.functions.apps import Screen, served

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.verified("docs", feature="MCP tool trigger")]

ACCEPT = {"Accept": "application/json, text/event-stream"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
FAILED = {"content": [{"type": "text", "text": "An error occurred invoking 'greet'."}], "isError": True}
KEYS = Keys(master="m", default="d", functions={"greet": "own"}, system={"mcp_extension": "s"})
WORD = {"propertyName": "word", "propertyType": "string", "description": "A word.", "isRequired": True}
TIMES = {"propertyName": "times", "propertyType": "integer", "description": "How often.", "isArray": True}


def greeting(answer: Any = None, **trigger: Any) -> func.FunctionApp:
    """An app with one tool, which returns what `answer` makes of the context that it gets."""
    app = func.FunctionApp()

    @app.function_name("greet")
    @app.mcp_tool_trigger(
        **{
            "arg_name": "call",
            "tool_name": "greet",
            "description": "Greets.",
            "tool_properties": json.dumps([WORD, TIMES]),
            **trigger,
        }
    )
    async def greet(call: str):  # type: ignore[no-untyped-def]
        return call if answer is None else answer(json.loads(call))

    return app


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = f"{url}/runtime/webhooks/mcp"

    async def post(self, body: Any, headers: Mapping[str, str] = ACCEPT) -> tuple[int, Mapping[str, str], str]:
        """The status, the headers and the body of an answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._session.post(
            self.url, data=data, headers={"Content-Type": "application/json", **headers}
        ) as answer:
            return answer.status, answer.headers, await answer.text()

    async def ask(self, method: str, **params: Any) -> Any:
        """The message that answers a request."""
        status, headers, body = await self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        assert (200, "text/event-stream") == (status, headers["Content-Type"])
        event, data, end, rest = body.split("\n")
        assert ("event: message", "", "") == (event, end, rest)
        message = json.loads(data.removeprefix("data: "))
        assert ("2.0", 7) == (message["jsonrpc"], message["id"])
        return message

    async def call(self, name: str = "greet", **arguments: Any) -> Any:
        return await self.ask("tools/call", name=name, arguments=arguments)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class TestProtocol:
    @pytest.mark.parametrize(
        ("asked", "spoken"), [("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2099-01-01", "2025-06-18")]
    )
    async def test_a_client_is_greeted_in_its_version_or_the_newest(
        self, session: aiohttp.ClientSession, asked: str, spoken: str
    ) -> None:
        config = HostConfig(mcp=McpOptions("Orders", "2.0.0", "Ask about orders."))
        async with served(greeting(), config=config) as url:
            result = (await Client(session, url).ask("initialize", protocolVersion=asked))["result"]
        assert {
            "protocolVersion": spoken,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "Orders", "version": "2.0.0"},
            "instructions": "Ask about orders.",
        } == result

    async def test_a_session_begins_with_initialize_and_reaches_the_function(
        self, session: aiohttp.ClientSession
    ) -> None:
        async with served(greeting()) as url:
            client = Client(session, url)
            _, headers, _ = await client.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})
            its = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
            calling = {"name": "greet", "arguments": {"word": "x"}}
            body = {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": calling}
            status, headers, said = await client.post(body, {**ACCEPT, **its})
            assert (200, False) == (status, "Mcp-Session-Id" in headers)
            message = json.loads(said.split("\n")[1].removeprefix("data: "))
            assert "a" == message["id"]
            context = json.loads(message["result"]["content"][0]["text"])
            assert context["sessionid"] == context["transport"]["sessionId"] == its["Mcp-Session-Id"]
            status, _, said = await client.post(body, {**ACCEPT, "Mcp-Session-Id": "<b>"})
            assert (400, "Invalid client state.") == (status, json.loads(said)["error"]["message"])

    async def test_a_ping_is_answered_and_a_notification_only_taken(self, session: aiohttp.ClientSession) -> None:
        async with served(greeting()) as url:
            client = Client(session, url)
            assert {} == (await client.ask("ping"))["result"]
            status, _, body = await client.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
            assert (202, "") == (status, body)
            assert 202 == (await client.post({"jsonrpc": "2.0", "id": 1, "result": {}}))[0]

    async def test_an_unknown_method_is_an_error(self, session: aiohttp.ClientSession) -> None:
        async with served(greeting()) as url:
            told = (await Client(session, url).ask("prompts/list"))["error"]
        assert {"code": -32601, "message": "Method 'prompts/list' is not available."} == told

    @pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"{}", b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}'])
    async def test_what_is_no_message_is_refused(self, session: aiohttp.ClientSession, body: bytes) -> None:
        async with served(greeting()) as url:
            status, _, said = await Client(session, url).post(body)
        assert (400, -32000) == (status, json.loads(said)["error"]["code"])

    @pytest.mark.parametrize(
        ("accept", "status"),
        [("application/json", 406), ("text/event-stream", 406), ("*/*", 200), ("application/*;q=0.5, text/*", 200)],
    )
    async def test_a_client_accepts_both_kinds_of_answers(
        self, session: aiohttp.ClientSession, accept: str, status: int
    ) -> None:
        async with served(greeting()) as url:
            assert status == (await Client(session, url).post(PING, {"Accept": accept}))[0]

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    async def test_there_is_nothing_but_post(self, session: aiohttp.ClientSession, method: str) -> None:
        async with served(greeting()) as url, session.request(method, f"{url}/runtime/webhooks/mcp") as answer:
            assert 405 == answer.status

    async def test_an_app_without_tools_has_no_such_path(self, session: aiohttp.ClientSession) -> None:
        async with served(func.FunctionApp()) as url:
            assert 404 == (await Client(session, url).post(PING))[0]


class TestTools:
    async def test_a_tool_is_listed_with_what_it_takes(self, session: aiohttp.ClientSession) -> None:
        async with served(greeting()) as url:
            (tool,) = (await Client(session, url).ask("tools/list"))["result"]["tools"]
        assert {
            "name": "greet",
            "description": "Greets.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "word": {"type": "string", "description": "A word."},
                    "times": {"type": "array", "items": {"type": "integer"}, "description": "How often."},
                },
                "required": ["word"],
            },
        } == tool

    async def test_the_function_gets_the_call_as_the_extension_writes_it(self, session: aiohttp.ClientSession) -> None:
        async with served(greeting()) as url:
            result = (await Client(session, url).call(word="Ü", times=[1]))["result"]
        assert ["content"] == list(result)
        context = json.loads(result["content"][0]["text"])
        assert ("greet", {"word": "Ü", "times": [1]}) == (context["name"], context["arguments"])
        assert "http-streamable" == context["transport"]["name"]
        assert ACCEPT["Accept"] == context["transport"]["properties"]["headers"]["accept"]

    async def test_the_decorator_without_a_context_is_served_as_well(self, session: aiohttp.ClientSession) -> None:
        app = func.FunctionApp()

        @app.mcp_tool()  # type: ignore[untyped-decorator]  # as the library has it
        def add(left: int, right: int) -> str:
            """Adds."""
            return str(left + right)

        async with served(app) as url:
            client = Client(session, url)
            (tool,) = (await client.ask("tools/list"))["result"]["tools"]
            assert ("add", "Adds.", ["left", "right"]) == (
                tool["name"], tool["description"], tool["inputSchema"]["required"]
            )  # fmt: skip
            assert "5" == (await client.call("add", left=2, right=3))["result"]["content"][0]["text"]

    @pytest.mark.parametrize(
        ("shaped", "result"),
        [
            (
                {"type": "text", "content": '{"type": "text", "text": "x"}'},
                {"content": [{"type": "text", "text": "x"}]},
            ),
            (
                {"type": "text", "content": '{"type": "text", "text": "x"}', "structuredContent": '{"a": 1}'},
                {"content": [{"type": "text", "text": "x"}], "structuredContent": {"a": 1}},
            ),
            ({"Type": "multi_content_result", "Content": "[{}, {}]"}, {"content": [{}, {}]}),
            (
                {"type": "call_tool_result", "content": '{"content": [], "isError": true}'},
                {"content": [], "isError": True},
            ),
        ],
        ids=["text", "structured", "several", "whole"],
    )
    async def test_a_function_may_shape_its_result(
        self, session: aiohttp.ClientSession, shaped: Any, result: Any
    ) -> None:
        app = greeting(lambda _: json.dumps(shaped), use_result_schema=True)
        async with served(app) as url:
            assert result == (await Client(session, url).call(word="x"))["result"]

    @pytest.mark.parametrize(
        "returned", ["x", "[]", '{"type": "text"}', '{"type": "call_tool_result", "content": "{}"}']
    )
    async def test_what_is_no_result_fails_the_call(self, session: aiohttp.ClientSession, returned: str) -> None:
        screen = Screen()
        async with served(greeting(lambda _: returned, use_result_schema=True), screen=screen) as url:
            assert FAILED == (await Client(session, url).call(word="x"))["result"]
        assert "FAILED tool greet" in screen.text

    async def test_an_exception_fails_the_call_and_is_not_told(self, session: aiohttp.ClientSession) -> None:
        def broken(_: object) -> str:
            raise ValueError("a secret")

        screen = Screen()
        async with served(greeting(broken), screen=screen) as url:
            assert FAILED == (await Client(session, url).call(word="x"))["result"]
        assert "a secret" in screen.text

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"name": "nobody"}, "Unknown tool: 'nobody'"),
            ({}, "Unknown tool: ''"),
            ({"name": "GREET", "arguments": {"word": None}},
             "One or more required tool properties are missing values. Please provide: word"),
            ({"name": "greet"}, "One or more required tool properties are missing values. Please provide: word"),
            ({"name": "greet", "arguments": []}, "The arguments of a call must be an object."),
        ],
    )  # fmt: skip
    async def test_a_call_that_cannot_be_made_is_an_error(
        self, session: aiohttp.ClientSession, params: dict[str, Any], message: str
    ) -> None:
        async with served(greeting()) as url:
            told = (await Client(session, url).ask("tools/call", **params))["error"]
        assert {"code": -32602, "message": message} == told

    @pytest.mark.parametrize("properties", ["{", "{}", '["x"]', '[{"propertyName": "x"}]'])
    async def test_a_function_with_broken_properties_is_in_error(
        self, session: aiohttp.ClientSession, properties: str
    ) -> None:
        screen = Screen()
        async with served(greeting(tool_properties=properties), screen=screen) as url:
            assert 404 == (await Client(session, url).post(PING))[0]
        assert "The 'greet' function is in error: mcpToolTrigger: toolProperties must be" in screen.text

    async def test_of_two_tools_with_one_name_the_second_is_in_error(self, session: aiohttp.ClientSession) -> None:
        app, screen = greeting(), Screen()

        @app.function_name("other")
        @app.mcp_tool_trigger("call", "Greet")
        async def other(call: str) -> str:
            return call

        async with served(app, screen=screen) as url:
            assert 1 == len((await Client(session, url).ask("tools/list"))["result"]["tools"])
        assert "The 'other' function is in error: Tool with name 'Greet' is already registered." in screen.text

    async def test_a_disabled_function_is_no_tool(self, session: aiohttp.ClientSession) -> None:
        async with served(greeting(), environment={"AzureWebJobs.greet.Disabled": "1"}) as url:
            assert 404 == (await Client(session, url).post(PING))[0]


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "status"), [(None, 401), ("wrong", 401), ("d", 401), ("own", 401), ("s", 200), ("m", 200)]
    )
    async def test_the_key_of_the_system_opens_it(
        self, session: aiohttp.ClientSession, key: str | None, status: int
    ) -> None:
        headers = ACCEPT if key is None else {**ACCEPT, "x-functions-key": key}
        async with served(greeting(), keys=KEYS) as url:
            assert status == (await Client(session, url).post(PING, headers))[0]

    async def test_host_json_may_open_it_to_anybody(self, session: aiohttp.ClientSession) -> None:
        config = HostConfig(mcp=McpOptions(asks_for_key=False))
        async with served(greeting(), keys=KEYS, config=config) as url:
            assert 200 == (await Client(session, url).post(PING))[0]

    def test_a_new_data_folder_has_such_a_key(self, tmp_path: Path) -> None:
        ensure_keys(tmp_path)
        assert 32 < len(read_keys(tmp_path).system["mcp_extension"])


class TestHostJson:
    def read(self, folder: Path, section: Any) -> HostConfig:
        content = {"version": "2.0", "extensions": {"mcp": section}}
        (folder / "host.json").write_text(json.dumps(content), encoding="utf-8")
        return read_host_json(folder, {})

    def test_the_server_is_called_as_host_json_says(self, tmp_path: Path) -> None:
        section = {
            "serverName": "S",
            "serverVersion": "2",
            "instructions": "Ask.",
            "system": {"webhookAuthorizationLevel": "anonymous"},
        }
        assert McpOptions("S", "2", "Ask.", asks_for_key=False) == self.read(tmp_path, section).mcp

    def test_what_is_no_level_is_refused_and_an_unknown_entry_told(self, tmp_path: Path) -> None:
        with pytest.raises(HostJsonError, match="webhookAuthorizationLevel must be System or Anonymous"):
            self.read(tmp_path, {"system": {"webhookAuthorizationLevel": "function"}})
        assert any("servername" in each.lower() for each in self.read(tmp_path, {"serverNames": "S"}).warnings)
