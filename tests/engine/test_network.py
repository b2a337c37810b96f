"""The guard of conftest.py, guarded."""

import socket

import pytest


def test_a_unit_test_cannot_open_a_socket() -> None:
    with socket.socket() as opened, pytest.raises(AssertionError, match="tests/engine opened a socket"):
        opened.connect(("127.0.0.1", 9))
    with socket.socket() as opened, pytest.raises(AssertionError, match="tests/engine opened a socket"):
        opened.bind(("127.0.0.1", 0))
