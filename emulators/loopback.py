"""Listening sockets on loopback, on both IP families where there are two."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Final

_BACKLOG: Final = 512


class PortTakenError(Exception):
    """Another process listens on the port. `holder` names it where the system tells."""

    def __init__(self, port: int, holder: str | None) -> None:
        super().__init__(f"port {port} is taken{f' by {holder}' if holder else ''}")
        self.port = port
        self.holder = holder


def listen(port: int) -> list[socket.socket]:
    """Port 0 takes a free one, the same on both families. Raises PortTakenError."""
    first = _bind(socket.AF_INET, "127.0.0.1", port)
    sockets = [first]
    if socket.has_ipv6:
        try:
            sockets.append(_bind(socket.AF_INET6, "::1", first.getsockname()[1]))
        except PortTakenError:
            first.close()
            if port:
                raise
            return listen(0)
        except OSError:
            pass  # IPv6 is compiled in and not configured
    return sockets


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port, holder_of(port)) from error
        raise
    return listener


def holder_of(port: int) -> str | None:
    """The process that listens on a port, as Linux tells in /proc: "python (pid 42)"."""
    wanted = f":{port:04X} "
    inodes = {
        line.split()[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if wanted in f"{line.split()[1]} " and line.split()[3] == "0A"
    }
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            links = {str(entry.readlink()) for entry in (process / "fd").iterdir()}
            if any(f"socket:[{inode}]" in links for inode in inodes):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # gone meanwhile, or another user's
    return None
