"""The client of the REST interface sends again, under the same key, what came to nothing."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from operate.failure import CommandFailed

_ATTEMPTS: Final = 8
_CONNECTIONS: Final = 64
_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: Any


@dataclass(slots=True)
class Client:
    """Counts in `requests` what it sent, and in `retries` what it sent again."""

    session: aiohttp.ClientSession
    url: str
    requests: int = 0
    retries: int = 0

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Returns the body of a 2xx. Raises CommandFailed for any other answer."""
        return await self._expect_success("POST", path, body)

    async def get(self, path: str) -> Any:
        """Returns the body of a 2xx. Raises CommandFailed for any other answer."""
        return await self._expect_success("GET", path, None)

    async def ask(self, path: str) -> Answered:
        """Returns what a GET is answered; 404 is an answer too."""
        return await self._exchange("GET", path, None)

    async def _expect_success(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        answered = await self._exchange(method, path, body)
        is_ours = isinstance(answered.body, dict) and (answered.status < 300 or "title" in answered.body)
        if not is_ours:
            raise CommandFailed(
                f"{method} {path} was answered {answered.status}, and not as this service answers: "
                f"is it what runs at {self.url}?"
            )
        if answered.status >= 300:
            raise CommandFailed(f"{method} {path} was answered {answered.status}: {json.dumps(answered.body)}")
        return answered.body

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answered:
        headers = {} if body is None else {"Idempotency-Key": secrets.token_hex(8)}
        for attempt in range(_ATTEMPTS):
            self.requests += 1
            self.retries += attempt > 0
            try:
                async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
                    text = await response.text()
                    if response.status not in (429, 502, 503, 504):
                        return Answered(response.status, _parsed(text))
                    wait = float(response.headers.get("Retry-After", 1))
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                wait = 1.0
            await asyncio.sleep(wait)
        raise CommandFailed(f"{method} {path} came to nothing {_ATTEMPTS} times: is the service overloaded?")


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """Yields a client for the length of a block. Raises CommandFailed when nothing answers there, or something else."""
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield Client(session, url)
    except TimeoutError as error:
        raise CommandFailed(
            f"no answer from {url} within {_TIMEOUT_SECONDS} s: is it the service that runs there?"
        ) from error
    except aiohttp.ClientConnectionError as error:
        raise CommandFailed(f"nothing answers at {url}: start the service with `make run`, or check --url") from error
    except aiohttp.ClientError as error:
        raise CommandFailed(f"{url} cannot be asked ({type(error).__name__}): check --url") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
