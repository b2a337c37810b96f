"""A tool, as its binding describes it: what it takes, what its function gets, and what becomes of the return value."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.functions.meta import Datum

from emulators.functions.bindings import BindingError, flag, text
from emulators.functions.engine import Call
from emulators.functions.indexing import Function

MCP_TOOL_TRIGGER = "mcpToolTrigger"


class ResultError(Exception):
    """The function has returned what is no result; the extension fails the call for it."""


@dataclass(frozen=True)
class Property:
    """One argument, as an entry of `toolProperties`."""

    name: str
    type: str
    description: str
    is_array: bool
    is_required: bool

    def schema(self) -> dict[str, Any]:
        """PropertyBasedToolInputSchema of the extension."""
        of_type = {"type": self.type}
        shape: dict[str, Any] = {"type": "array", "items": of_type} if self.is_array else dict(of_type)
        return {**shape, "description": self.description}


@dataclass(frozen=True)
class McpTool:
    name: str
    function: Function
    description: str | None
    properties: tuple[Property, ...]
    shapes_its_result: bool

    @classmethod
    def of(cls, function: Function) -> "McpTool":
        """The tool of a function with the trigger. Raises BindingError."""
        trigger = function.trigger
        description = trigger.fields.get("description")
        return cls(
            name=text(trigger, "toolName"),
            function=function,
            description=None if description is None else str(description),
            properties=tuple(_properties(trigger.fields.get("toolProperties"))),
            shapes_its_result=flag(trigger, "useResultSchema"),
        )

    def listed(self) -> dict[str, Any]:
        """This tool in the answer to `tools/list`."""
        schema = {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.properties},
            "required": [each.name for each in self.properties if each.is_required],
        }
        described = {} if self.description is None else {"description": self.description}
        return {"name": self.name, **described, "inputSchema": schema}

    def missing(self, arguments: Mapping[str, Any]) -> Sequence[str]:
        """The required arguments that a call does not give. Their types are not checked, nor are other arguments."""
        return [each.name for each in self.properties if each.is_required and arguments.get(each.name) is None]

    def call(self, arguments: Mapping[str, Any] | None, headers: Mapping[str, str], session: str | None) -> Call:
        """What the function gets: ToolInvocationContext of the extension, as JSON; what is null is left out."""
        of_session = {} if session is None else {"sessionid": session}
        in_transport = {} if session is None else {"sessionId": session}
        transport = {"name": "http-streamable", **in_transport, "properties": {"headers": dict(headers)}}
        given = {} if arguments is None else {"arguments": dict(arguments)}
        context = json.dumps({"name": self.name, **given, **of_session, "transport": transport})
        metadata = {"mcptoolcontext": Datum(context, "json"), "mcptoolargs": Datum(json.dumps(arguments or {}), "json")}
        if session is not None:
            metadata["mcpsessionid"] = Datum(session, "string")
        return Call({self.function.trigger.name: Datum(context, "string")}, metadata)

    def result(self, returned: Datum | None) -> dict[str, Any]:
        """The CallToolResult of a return value. Raises ResultError."""
        if returned is None:
            return {"content": []}
        value = returned.value
        said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return _shaped(said) if self.shapes_its_result else {"content": [{"type": "text", "text": said}]}


def tools_of(functions: Iterable[Function]) -> tuple[dict[str, McpTool], dict[str, str]]:
    """The tools by their names in lower case; and by their names the functions that cannot be one, with the reason."""
    tools: dict[str, McpTool] = {}
    problems: dict[str, str] = {}
    for function in functions:
        if function.trigger.type != MCP_TOOL_TRIGGER or function.problem is not None or function.disabled:
            continue
        try:
            tool = McpTool.of(function)
        except BindingError as error:
            problems[function.name] = str(error)
            continue
        if tool.name.lower() in tools:
            problems[function.name] = f"Tool with name '{tool.name}' is already registered."
        else:
            tools[tool.name.lower()] = tool
    return tools, problems


def _properties(said: object) -> Iterable[Property]:
    try:
        entries = json.loads(str(said or "[]"))
        if not isinstance(entries, list):
            raise TypeError("no list")
        for each in entries:
            yield Property(
                name=str(each["propertyName"]),
                type=str(each["propertyType"]),
                description=str(each.get("description") or ""),
                is_array=bool(each.get("isArray", False)),
                is_required=bool(each.get("isRequired", False)),
            )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BindingError(
            "mcpToolTrigger: toolProperties must be a JSON list of objects with propertyName and propertyType"
        ) from error


def _shaped(said: str) -> dict[str, Any]:
    """ToolReturnValueBinder of the extension: `content` is JSON in a text, and `type` says of what."""
    try:
        shaped = {name.lower(): value for name, value in json.loads(said).items()}
        content = json.loads(shaped["content"])
        match str(shaped["type"]).lower():
            case "call_tool_result":
                if not isinstance(content["content"], list):
                    raise TypeError("content is no list")
                return dict(content)
            case "multi_content_result":
                blocks = list(content)
            case _:
                blocks = [content]
        structured = shaped.get("structuredcontent")
        return {"content": blocks, **({"structuredContent": json.loads(structured)} if structured else {})}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultError("with useResultSchema a function returns JSON with type and content") from error
