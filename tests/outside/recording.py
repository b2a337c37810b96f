"""A container of Cosmos DB that writes down what is asked of it, and answers as it was told to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.utils import CaseInsensitiveDict
from azure.cosmos import CosmosDict
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)


async def asked(use: Callable[[ContainerProxy], Awaitable[object]], *answers: Any) -> list[dict[str, Any]]:
    """The requests that `use` makes of a container, in order; each takes the next answer. An exception is raised."""
    container = RecordingContainer(*answers)
    await use(cast(ContainerProxy, container))
    return container.calls


class RecordingContainer:
    """Every answer has a session token of its own: the number of its request."""

    def __init__(self, *answers: Any) -> None:
        self.calls: list[dict[str, Any]] = []
        self._answers = list(answers)

    async def read_item(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("read_item", args, kwargs)

    async def create_item(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("create_item", args, kwargs)

    async def replace_item(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("replace_item", args, kwargs)

    async def upsert_item(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("upsert_item", args, kwargs)

    async def read_items(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("read_items", args, kwargs)

    async def execute_item_batch(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer("execute_item_batch", args, kwargs)

    def query_items(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        found = self._answer("query_items", args, kwargs)

        async def items() -> AsyncIterator[Any]:
            for each in found:
                yield each

        return items()

    def _answer(self, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        options = {name: _shown(value) for name, value in kwargs.items()}
        self.calls.append({"method": method, "arguments": list(args), "options": options})
        if "response_hook" in kwargs:
            kwargs["response_hook"]({"x-ms-session-token": f"0:-1#{len(self.calls)}"}, None)
        assert self._answers, f"{method} was not expected"
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _shown(option: Any) -> Any:
    if isinstance(option, MatchConditions):
        return option.name
    return "a function" if callable(option) else option


def written(etag: str = '"8"') -> CosmosDict:
    """The answer to a write that asks for no body."""
    return CosmosDict(None, response_headers=CaseInsensitiveDict({"etag": etag}))


def read(item: Mapping[str, Any], etag: str = '"7"') -> list[dict[str, Any]]:
    """The answer to a batch of one read."""
    return [{"resourceBody": item, "eTag": etag}]


def batch_failed(status: int, index: int = 0) -> CosmosBatchOperationError:
    return CosmosBatchOperationError(index, {}, status, "no", [])  # type: ignore[no-untyped-call]


def not_found() -> CosmosResourceNotFoundError:
    return CosmosResourceNotFoundError(404, "no")  # type: ignore[no-untyped-call]


def exists() -> CosmosResourceExistsError:
    return CosmosResourceExistsError(409, "no")  # type: ignore[no-untyped-call]
