"""A test that is not about wires opens no socket."""

import socket
from typing import Any

import pytest


def refuse_sockets(monkeypatch: pytest.MonkeyPatch, tier: str) -> None:
    """Connecting or binding fails from now on, so that a forgotten fake is noticed."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError(f"a test of tests/{tier} opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
