"""JSON-RPC of the Model Context Protocol: what a message is, and how it is answered.

https://modelcontextprotocol.io/specification/2025-06-18/basic
"""

import json
from dataclasses import dataclass
from typing import Any

from emulators.functions.mcp.options import McpOptions

PARSE_ERROR = -32700
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
# What the extension says of a request that is none for it.
REFUSED = -32000

# Of the SDK in the extension, newest last.
_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18")


class ProtocolError(Exception):
    """A request that cannot be answered; the code is one of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Message:
    """A request, or without an `id` a notification; what answers a request of the server has no `method`."""

    id: str | int | None
    method: str | None
    params: dict[str, Any]


def parse(body: bytes) -> Message:
    """Raises ProtocolError for what is no message; a batch of them is none since 2025-06-18."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.get("jsonrpc") != "2.0" or not {"method", "id"} & content.keys():
        raise ProtocolError(PARSE_ERROR, "Bad Request: The POST body did not contain a valid JSON-RPC message.")
    params = content.get("params")
    return Message(content.get("id"), content.get("method"), params if isinstance(params, dict) else {})


def initialized(params: dict[str, Any], options: McpOptions) -> dict[str, Any]:
    """The answer to `initialize`: in the client's version, if the server knows it."""
    asked = params.get("protocolVersion")
    said = {} if options.instructions is None else {"instructions": options.instructions}
    return {
        "protocolVersion": asked if asked in _VERSIONS else _VERSIONS[-1],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": options.server_name, "version": options.server_version},
        **said,
    }


def answer(message: Message, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message.id, "result": result}


def error(message_id: str | int | None, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": text}}


def as_event(message: dict[str, Any]) -> str:
    """The message as the only event of a stream of them (https://html.spec.whatwg.org/#server-sent-events)."""
    return f"event: message\ndata: {json.dumps(message)}\n\n"
