"""The receiver of traces that a stack of `make run` has is found, and asked."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from operate.environment import FILE, FROM_ENVIRONMENT, FROM_STACK, file_settings, own_setting
from operate.failure import CommandFailed, unknown
from operate.stack import RunningStack, running_stack
from operate.target import Place, is_here

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PATIENCE_SECONDS: Final = 10
_MOST: Final = 1000
_ALL: Final = 10**8
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


def receiver(root: Path) -> Place:
    """Says where traces are: where the environment has them, else with the stack that runs here, else as the file says.

    Raises CommandFailed where they are nowhere, or where nobody here can read them.
    """
    if own := own_setting(_ENDPOINT):
        place = _place(own, FROM_ENVIRONMENT)
    elif stack := running_stack(root):
        place = _place(_of(stack), FROM_STACK)
    elif filed := file_settings(root).get(_ENDPOINT):
        place = _place(filed, FILE)
    else:
        raise CommandFailed("no stack runs here, and traces end with it: `make run` starts one")
    if not is_here(place.address):
        raise CommandFailed(f"traces go to {place.address} ({place.source}): look there")
    return place


def _of(stack: RunningStack) -> str:
    elsewhere = stack.elsewhere.get(_ENDPOINT)
    if elsewhere == "nowhere":
        raise CommandFailed(f"telemetry is off: {FROM_STACK} was started with an empty {_ENDPOINT}; start it without")
    if elsewhere is None and stack.traces is None:
        raise CommandFailed(f"{FROM_STACK} has no receiver of traces yet: run this again when it is ready")
    return elsewhere or str(stack.traces)


def _place(address: str, source: str) -> Place:
    return Place(f"traces at {address}", address.rstrip("/"), source)


@dataclass(frozen=True, slots=True)
class Receiver:
    session: aiohttp.ClientSession
    place: Place

    async def trace(self, trace_id: str) -> Sequence[Mapping[str, Any]]:
        """Returns the spans of a trace. Raises CommandFailed for one that is not there."""
        found = await self._get(f"/traces/{trace_id.lower()}", {})
        if found is None:
            raise unknown(f"there is no trace {trace_id}: {await self._why()}")
        spans: Sequence[Mapping[str, Any]] = found["spans"]
        return spans

    async def summaries(self) -> Sequence[Mapping[str, Any]]:
        """Returns what there is to say of each trace in a line, newest first."""
        found = await self._get("/traces", {"limit": [str(_ALL)]})
        summaries: Sequence[Mapping[str, Any]] = (found or {"traces": []})["traces"]
        return summaries

    async def metrics(self) -> Sequence[Mapping[str, Any]]:
        """Returns the newest point of each series."""
        found = await self._get("/metrics", {})
        series: Sequence[Mapping[str, Any]] = (found or {"metrics": []})["metrics"]
        return series

    async def about(self, streams: Iterable[str]) -> Sequence[str]:
        """Returns the ids of the traces in which one of the streams has a part, oldest first."""
        found = await self._get("/traces", {"stream.id": list(streams), "limit": [str(_MOST)]})
        return [each["traceId"] for each in reversed((found or {"traces": []})["traces"])]

    async def nothing_about(self, asked: str) -> CommandFailed:
        return unknown(f"there is no trace of {asked}: {await self._why()}")

    async def _why(self) -> str:
        """Says why a trace may be missing, and what to do."""
        kept = await self._get("/traces", {"limit": ["1"]})
        if kept is None or not kept["traces"]:
            return (
                "the receiver has got none at all yet. Spans come half a second late; after that, the functions say in "
                "their log why they export nothing"
            )
        if kept["dropped"]:
            return f"it may have been among the {kept['dropped']} that went to make room for newer ones"
        return (
            "is the id whole? Spans come half a second late, and the receiver knows what has happened since it was "
            "started, as far as OTEL_TRACES_SAMPLER lets it"
        )

    async def _get(self, path: str, query: Mapping[str, Sequence[str]]) -> Any:
        """Returns what it answers; None for a 404."""
        url, no_receiver = f"{self.place.address}{path}", f"what answers at {self.place.address} keeps no traces: "
        pairs = [(name, value) for name, values in query.items() for value in values]
        try:
            async with self.session.get(url, params=pairs) as answer:
                body = await answer.json()
        except (aiohttp.ContentTypeError, aiohttp.ClientPayloadError, ValueError):
            raise CommandFailed(f"{no_receiver}is it a collector? Check {_ENDPOINT}") from None
        except (aiohttp.ClientError, TimeoutError):
            raise CommandFailed(
                f"nothing answers at {self.place.address} ({self.place.source}): `make run` starts a receiver of traces"
            ) from None
        if answer.status == 404 and isinstance(body, dict) and "message" in body:
            return None
        if answer.status != 200 or not isinstance(body, dict) or not {"traces", "spans", "metrics"} & set(body):
            raise CommandFailed(f"{no_receiver}is it a collector? Check {_ENDPOINT}")
        return body


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Receiver]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)) as session:
        yield Receiver(session, place)


def is_trace_id(asked: str) -> bool:
    return _TRACE_ID.fullmatch(asked) is not None
