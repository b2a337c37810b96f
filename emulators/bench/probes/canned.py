"""A server that answers at once: `python -m emulators.bench.probes.canned UPSTREAM`.

It prints its URL, and serves until stdin ends. The first request of a kind goes on to the Cosmos DB at UPSTREAM; every
later one of that kind gets the same bytes. So what an SDK call takes against it is the work of the client. A kind is
method, path and the headers that tell a query, a batch and a feed apart; ids of items make no difference.
"""

import asyncio
import re
import sys
from typing import Final
from urllib.parse import urlsplit

_KIND: Final = re.compile(
    rb"^(?:x-ms-documentdb-isquery|x-ms-cosmos-is-batch-request|a-im|if-none-match):.*$", re.I | re.M
)
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d+)", re.I | re.M)
_ITEM: Final = re.compile(rb"(/docs/)[^ ]+")
_WITHOUT_BODY: Final = (b" 204 ", b" 304 ")


class Canned:
    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "localhost", parts.port or 80)
        self._answers: dict[tuple[bytes, ...], bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client closes it."""
        try:
            while True:
                head, body = await _message(reader)
                kind = (_ITEM.sub(rb"\1", head.partition(b"\r\n")[0]), *sorted(_KIND.findall(head)))
                if kind not in self._answers:
                    self._answers[kind] = await self._forwarded(head + body)
                writer.write(self._answers[kind])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _forwarded(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._upstream)
        writer.write(request)
        head, body = await _message(reader)
        writer.close()
        await writer.wait_closed()
        return head + body


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    bodiless = any(status in head.partition(b"\r\n")[0] for status in _WITHOUT_BODY)
    return head, b"" if length is None or bodiless else await reader.readexactly(int(length[1]))


async def main(upstream: str) -> None:
    server = await asyncio.start_server(Canned(upstream).serve, "127.0.0.1", 0, limit=2**20)
    print(f"devstack: canned ready at http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main(sys.argv[1]))
