"""The result of a tool, as the MCP extension of the Functions host takes it where the worker shapes it.

With `useResultSchema` that is JSON with a `type` and, as a text in `content`, a CallToolResult of the Model Context
Protocol (https://modelcontextprotocol.io/specification/2025-06-18/schema#calltoolresult). A text that a function
returns without it can say no `isError`, and of an exception the extension says that there was one, and not which.
"""

import json
from collections.abc import Mapping
from typing import Any


def result(content: Mapping[str, Any]) -> str:
    """Returns the answer to a call, structured, and as the same in text for clients that know no other."""
    return _shaped(json.dumps(content), structuredContent=content)


def failure(reason: str) -> str:
    """Returns that the call failed, and why: an assistant reads it, and may ask better."""
    return _shaped(reason, isError=True)


def _shaped(text: str, **members: Any) -> str:
    called = {"content": [{"type": "text", "text": text}], **members}
    return json.dumps({"type": "call_tool_result", "content": json.dumps(called)})
