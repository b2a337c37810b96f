"""The MCP extension under the official SDK of the protocol, which negotiates, lists and calls."""

import json

import pytest
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from emulators.tests.functions.apps import served
from emulators.tests.functions.test_mcp import KEYS, greeting

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.verified("sdk", feature="MCP tool trigger")]


async def test_a_client_finds_the_tools_and_calls_one_and_hears_of_a_failure() -> None:
    refused = {"content": [{"type": "text", "text": "no such word"}], "isError": True}
    shaped = json.dumps({"type": "call_tool_result", "content": json.dumps(refused)})
    async with (
        served(greeting(lambda _: shaped, use_result_schema=True), keys=KEYS) as url,
        create_mcp_http_client(headers={"x-functions-key": "s"}) as http,
        streamable_http_client(f"{url}/runtime/webhooks/mcp", http_client=http) as (read, write),
        ClientSession(read, write) as session,
    ):
        assert "2025-06-18" == (await session.initialize()).protocol_version
        (tool,) = (await session.list_tools()).tools
        assert ("greet", ["word"]) == (tool.name, tool.input_schema["required"])
        result = await session.call_tool("greet", {"word": "x"})
        assert (True, "no such word") == (result.is_error, getattr(result.content[0], "text", None))
        await session.send_ping()


async def test_a_client_that_begins_with_a_newer_protocol_comes_down_to_this_one() -> None:
    async with (
        served(greeting(lambda call: call["arguments"]["word"])) as url,
        Client(f"{url}/runtime/webhooks/mcp") as client,
    ):
        result = await client.call_tool("greet", {"word": "x"})
        assert (False, "x") == (result.is_error, getattr(result.content[0], "text", None))
        assert "2025-06-18" == client.protocol_version
