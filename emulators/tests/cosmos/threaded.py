"""The synchronous SDK behind the face of the asynchronous one, so that each test of the SDK is written once.

Every call runs in a thread, where it blocks nobody; what comes back is awaited, or iterated over, as with the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, aio

APIS: Final = ("aio", "sync")
_END: Final = object()


@asynccontextmanager
async def connected(api: str, url: str, key: str) -> AsyncIterator[aio.CosmosClient]:
    if api == "aio":
        async with aio.CosmosClient(url, key) as client:
            yield client
    else:
        with await asyncio.to_thread(CosmosClient, url, key) as blocking:
            yield cast(aio.CosmosClient, Threaded(blocking))


class Threaded:
    """A client, a database or a container of the synchronous SDK."""

    def __init__(self, target: CosmosClient | DatabaseProxy | ContainerProxy) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.target, name)
        if not callable(member):
            return member
        if name.startswith("get_") and name.endswith("_client"):
            return lambda *arguments: Threaded(member(*arguments))  # no I/O, and not awaited in the other API either
        # What the asynchronous API always asks for has to be asked for here.
        added = {"enable_cross_partition_query": True} if name == "query_items" else {}

        def call(*arguments: Any, **options: Any) -> _Call:
            if "partition_key" not in options:
                options |= added
            return _Call(lambda: member(*map(_plain, arguments), **options))

        return call


class _Call:
    """Is made when it is awaited, or iterated over."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __await__(self) -> Generator[Any, None, Any]:
        return self._made().__await__()

    async def _made(self) -> Any:
        result = await asyncio.to_thread(self._make)
        return Threaded(result) if isinstance(result, (DatabaseProxy, ContainerProxy)) else result

    def __aiter__(self) -> AsyncIterator[Any]:
        return _stepwise(lambda: iter(self._make()))

    def by_page(self, continuation_token: str | None = None) -> _Pages:
        return _Pages(lambda: self._make().by_page(continuation_token))


class _Pages:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pages: Any = None

    def __aiter__(self) -> _Pages:
        return self

    async def __anext__(self) -> AsyncIterator[Any]:
        if self._pages is None:
            self._pages = await asyncio.to_thread(self._make)
        page: Any = await asyncio.to_thread(next, self._pages, _END)
        if page is _END:
            raise StopAsyncIteration
        return _stepwise(lambda: iter(page))

    @property
    def continuation_token(self) -> str | None:
        token: str | None = self._pages.continuation_token
        return token


async def _stepwise(make: Callable[[], Iterator[Any]]) -> AsyncIterator[Any]:
    iterator = await asyncio.to_thread(make)
    while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield item


def _plain(argument: Any) -> Any:
    return argument.target if isinstance(argument, Threaded) else argument
