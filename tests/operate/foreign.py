"""Operators who have mistaken a port meet such servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def answering(body: str, kind: str = "text/html", status: str = "200 OK") -> AsyncIterator[str]:
    """Yields the URL of a server that answers every request with the same."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "localhost", 0) as server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def silent(connected: asyncio.Event) -> AsyncIterator[str]:
    """Yields the URL of a server that takes connections and says nothing; sets `connected` once it has one."""
    writers = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        connected.set()

    async with await asyncio.start_server(take, "localhost", 0) as server:
        try:
            yield f"http://localhost:{server.sockets[0].getsockname()[1]}"
        finally:
            # From 3.12 on, the server waits for its connections.
            for writer in writers:
                writer.close()
