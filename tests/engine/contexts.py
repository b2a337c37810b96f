"""What a command is told of who asks for it."""

from typing import Final

from engine.commands.handler import CommandContext

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def context(key: str, expected_version: int | None = None, fingerprint: str = "f") -> CommandContext:
    """Ada asks, under this key, as the beginning of a conversation."""
    return CommandContext(key, fingerprint, "ada", key, key, TRACE, expected_version)
