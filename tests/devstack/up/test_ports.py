"""Whether a port is free, and who holds it."""

import os
import socket

import pytest

from devstack.up import ports
from devstack.up.errors import StackError


def listener(family: socket.AddressFamily, host: str) -> socket.socket:
    return socket.create_server((host, 0), family=family)


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")]
)
def test_a_listener_of_either_family_takes_the_port(family: socket.AddressFamily, host: str) -> None:
    with listener(family, host) as taken:
        port = taken.getsockname()[1]

        assert not ports.is_free(port)
        assert (ports.holder(port) or "").endswith(f"(pid {os.getpid()})")
    assert ports.is_free(port)


def test_a_connection_that_lingers_does_not_take_the_port() -> None:
    """After a restart, connections of the last run are in TIME_WAIT for a minute."""
    with listener(socket.AF_INET, "127.0.0.1") as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            # The side that closes first is the one that waits.
            accepted.close()
            assert b"" == client.recv(1)

    assert ports.is_free(port)


def test_the_line_names_holder_and_variable() -> None:
    with listener(socket.AF_INET, "127.0.0.1") as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StackError) as caught:
            ports.require_free([0, port], "DEVSTACK_COSMOS_PORT")
    assert 3 == caught.value.status
    line = str(caught.value)
    assert line.startswith(f"port {port} is taken by ")
    assert line.endswith(f" (pid {os.getpid()}); end that, or choose another port with DEVSTACK_COSMOS_PORT=<port>")


def test_a_holder_that_the_system_does_not_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "holder", lambda port: None)
    with listener(socket.AF_INET, "127.0.0.1") as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=f"port {port} is taken; end that"):
            ports.require_free([port], "DEVSTACK_COSMOS_PORT")
