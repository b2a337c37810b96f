"""Rules for every test: only the tiers that are about processes and wires may open sockets."""

import socket
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_MAY_OPEN_SOCKETS = {"contracts", "devstack", "e2e", "operate"}


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting or binding fails in unit tests, so that a forgotten fake is noticed."""
    parts = request.path.relative_to(_HERE).parts
    tier = parts[1] if parts[0] == "engine" else parts[0]
    if tier not in _MAY_OPEN_SOCKETS:

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError(f"a test of tests/{tier} opened a socket")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket.socket, "bind", refuse)
