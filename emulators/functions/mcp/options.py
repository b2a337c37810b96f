"""`extensions.mcp` of host.json, with the defaults of the extension."""

from dataclasses import dataclass

from emulators.functions.sections import Section, SectionError

_FIELDS = frozenset({"instructions", "serverName", "serverVersion", "encryptClientState", "messageOptions", "system"})


@dataclass(frozen=True)
class McpOptions:
    """What the server says of itself, and whether it asks for the system key `mcp_extension`."""

    server_name: str = "Azure Functions MCP server"
    server_version: str = "1.0.0"
    instructions: str | None = None
    asks_for_key: bool = True


def parse_mcp_options(section: Section) -> McpOptions:
    """Raises SectionError."""
    section.tell_unknown(_FIELDS)
    system = section.section("system")
    level = str(system.get("webhookAuthorizationLevel", "System")).lower()
    if level not in ("system", "anonymous"):
        raise SectionError(f"{system.where('webhookAuthorizationLevel')} must be System or Anonymous")
    instructions = section.get("instructions")
    return McpOptions(
        server_name=str(section.get("serverName", McpOptions.server_name)),
        server_version=str(section.get("serverVersion", McpOptions.server_version)),
        instructions=None if instructions is None else str(instructions),
        asks_for_key=level == "system",
    )
