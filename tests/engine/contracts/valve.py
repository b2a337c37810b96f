"""A valve stands before a server; once it is shut, the server is one that accepts connections and never answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Valve:
    """Passes on what comes, until it is shut: then each connection lets `drops` bytes of answers out, and no more."""

    port: int = 0
    is_shut: bool = False
    drops: int = 0

    def shut(self, *, drops: int = 0) -> None:
        self.is_shut, self.drops = True, drops

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        dropped = 0
        while data := await reader.read(65_536):
            if answers and self.is_shut:
                data = data[: self.drops - dropped]
                dropped += len(data)
            writer.write(data)
            await writer.drain()
        if not (answers and self.is_shut):
            writer.close()


@asynccontextmanager
async def valve(host: str, port: int) -> AsyncIterator[Valve]:
    """Yields a valve before the server at `host` and `port`."""
    between = Valve()
    connections: list[asyncio.Task[None]] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_connection(host, port)
        try:
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(
                    between._pass_on(reader, its_writer, answers=False),
                    between._pass_on(its_reader, writer, answers=True),
                )
        finally:
            for each in (writer, its_writer):
                each.close()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.create_task(connect(reader, writer)))

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        between.port = server.sockets[0].getsockname()[1]
        yield between
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
