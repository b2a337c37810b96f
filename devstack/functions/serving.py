"""Listening on this machine only, on both IP families."""

import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from aiohttp import web

_MAX_HEADER = 32 * 1024
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class PortTakenError(Exception):
    """Another process listens on the port."""

    def __init__(self, port: int) -> None:
        holder = _holder_of(port)
        super().__init__(f"port {port} is taken{' by ' + holder if holder else ''}")


async def serve(handler: Handler, sockets: list[socket.socket]) -> web.ServerRunner:
    """Serve HTTP on bound sockets until the returned runner is cleaned up.

    Bodies reach the handler as they were sent, compressed ones too, and paths percent-encoded.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await handler(request)

    server = web.Server(
        answer,
        auto_decompress=False,
        access_log=None,
        max_line_size=_MAX_HEADER,
        max_field_size=_MAX_HEADER,
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    for each in sockets:
        await web.SockSite(runner, each).start()
    return runner


def loopback_sockets(port: int) -> list[socket.socket]:
    """Sockets bound to 127.0.0.1 and, where IPv6 exists, ::1; port 0 takes one that is free on both.

    Raises PortTakenError.
    """
    for _ in range(20):
        first = _bind(socket.AF_INET, "127.0.0.1", port)
        chosen: int = first.getsockname()[1]
        try:
            second = _bind(socket.AF_INET6, "::1", chosen)
        except PortTakenError:
            first.close()
            if port:
                raise
            continue
        except OSError:
            return [first]
        return [first, second]
    raise PortTakenError(port)


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        # Two sockets may be bound to one port with SO_REUSEADDR; only one of them may listen.
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port) from error
        raise
    return bound


def _holder_of(port: int) -> str | None:
    """The process that listens on a port, where /proc tells."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _rows(Path(table)):
            local, state, inode = fields[1], fields[3], fields[9]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{inode}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return None


def _rows(table: Path) -> Iterator[list[str]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    yield from (line.split() for line in lines)
