"""A client that sends a request again until it is answered, whatever is killed meanwhile."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp

PAUSE_SECONDS: Final = 0.05


class Served(Protocol):
    """What is running, and where."""

    @property
    def api(self) -> str: ...


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


@dataclass(frozen=True)
class InsistentClient:
    """Asks the service where it is now: hosts move when their supervisor is started again."""

    session: aiohttp.ClientSession
    running: Served

    async def post(self, path: str, body: Mapping[str, Any], key: str | None = None, **headers: str) -> Answer:
        """Under one key, so that it takes effect once."""
        return await self._until_answered(
            "POST", path, {"Idempotency-Key": key or str(uuid.uuid4()), **headers}, json.dumps(body)
        )

    async def get(self, path: str) -> Answer:
        return await self._until_answered("GET", path, {}, None)

    async def _until_answered(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> Answer:
        while True:
            try:
                url = self.running.api + path
                async with self.session.request(method, url, headers=headers, data=body) as response:
                    text = await response.text()
                    if response.status < 500:
                        return Answer(response.status, json.loads(text) if text.startswith("{") else text)
                    # The front answers for a host that was killed under the request; the service itself says 503.
                    assert response.status == 503 or text.startswith("devstack: host"), (response.status, text)
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def insistent_client(running: Served) -> AsyncIterator[InsistentClient]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield InsistentClient(session, running)
