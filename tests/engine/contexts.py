"""Who asks for a command, and under which key: `context("k-1").to(stream_id, command)`."""

from typing import Final

from engine.messaging.envelope import Origin
from engine.triggers.http_requests import CommandRequest

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def context(key: str, expected_version: int | None = None, fingerprint: str = "f") -> CommandRequest[None]:
    """Ada asks, under this key, as the beginning of a conversation."""
    return CommandRequest(None, key, fingerprint, Origin("ada", key, key, TRACE), expected_version)
