"""The tools of assistants: each asks what operators ask, and tells it without what users wrote."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.assistants.arguments import arguments_of, read_order_id, read_time, read_version
from api.assistants.results import failure, result
from api.assistants.withholding import order_without_texts, parked_without_texts, situation_without_texts
from api.dashboard.orders import order_at
from api.dashboard.problems import StreamUnreadable
from api.dashboard.waiting import waiting_list
from api.why.explanation import explain
from api.why.shown import explanation_json
from api.why.situation import NothingReadable, situation_of
from engine.commands.errors import UnknownStream
from engine.errors import Unavailable
from engine.services import Services
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.triggers.problems import BadRequest

_LIFETIME: Final = 60.0

_AGAIN: Final = "The service has no answer now. Ask again in a minute."
_UNREADABLE: Final = "An event of it cannot be read by this build: `python -m operate orders why` says which."
_DEFECT: Final = "The service has a defect. It has been logged."

_log = logging.getLogger(__name__)

Tool = Callable[["AssistantFunctions", Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def told(tool: Tool) -> Callable[["AssistantFunctions", str], Awaitable[str]]:
    """Makes a result of what a tool tells of the arguments of a call, and of every error.

    None escapes, since the worker never answers an escaped cancellation.
    """

    @functools.wraps(tool)
    async def tell_always(functions: "AssistantFunctions", call: str) -> str:
        try:
            async with asyncio.timeout(_LIFETIME):
                return result(await tool(functions, arguments_of(call)))
        except asyncio.CancelledError:
            return failure(_AGAIN)
        except Exception as error:  # noqa: BLE001 - the edge: every error has an answer
            reason = _reason(error)
            if reason == _DEFECT:
                _log.exception("a tool failed by a defect of the service")
            return failure(reason)

    return tell_always


@dataclass(frozen=True, slots=True)
class AssistantFunctions:
    """`services` connects on first use."""

    services: Callable[[], Awaitable[Services]]

    @told
    async def explain(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Tells why an order is where it is, as `operate orders why` does."""
        situation = situation_without_texts(await situation_of(await self.services(), read_order_id(arguments)))
        return explanation_json(situation, explain(situation))

    @told
    async def show(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Tells how an order is, or how it was at a version or at a time, as the dashboard does."""
        order_id, version, time = read_order_id(arguments), read_version(arguments), read_time(arguments)
        if version is not None and time is not None:
            raise BadRequest("Give version or asOf, or neither for how it is now.")
        return order_without_texts(await order_at(await self.services(), order_id, version=version, time=time))

    @told
    async def list_waiting(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - it has none
        """Tells what waits, and for what, as the dashboard does."""
        found = await waiting_list(await self.services())
        return {
            "parked": [parked_without_texts(each) for each in found["parked"]],
            "deadLetters": found["deadLetters"],
            "more": found["more"],
        }


def _reason(error: Exception) -> str:
    match error:
        case StreamUnreadable() | UndecodableEvent() | NothingReadable():
            return _UNREADABLE
        case BadRequest() | UnknownStream():
            return str(error)
        case Unavailable() | NewerEvent() | TimeoutError():
            return _AGAIN
        case _:
            return _DEFECT
