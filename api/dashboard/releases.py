"""What is parked is released by the page as `operate parked release` does it, for as long as a request may take."""

import asyncio
import logging
from typing import Annotated, Final, TypedDict

from pydantic import Field

from api.bodies import Body
from api.dashboard.problems import StillParked
from engine.consuming.errors import TransientFailure
from engine.consuming.parked.port import ParkedAlone
from engine.consuming.waiting import NotParked
from engine.errors import Unavailable
from engine.services import Services
from engine.triggers.problems import NotFound

RELEASE_LIFETIME: Final = 60.0
"""A release is interrupted after so many seconds. The front of Azure ends a request after 230, the host after ten
minutes; what is interrupted goes on where it was, when it is released again."""

_WAY_OUT: Final = "; if it can never be handled, `operate parked discard` takes it away"

_log = logging.getLogger(__name__)


class ReleaseBody(Body):
    consumer: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=2_000)]


class ReleaseAnswer(TypedDict):
    """Says how many events or messages were handled. With `released` false, time ran out, and the rest is parked."""

    consumer: str
    name: str
    handled: int
    released: bool


async def release(
    services: Services, body: ReleaseBody, operator: str, lifetime: float = RELEASE_LIFETIME
) -> ReleaseAnswer:
    """Handles what waits under the name, in order, for `lifetime` seconds at most; the log says which `operator` asked.

    Raises NotFound, StillParked when something fails again, and AdapterError when a store or the bus is away.
    """
    try:
        parked = await services.waiting.find(body.consumer, body.name)
    except NotParked as error:
        raise NotFound(f"{error}.") from None
    handled, why = 0, None

    def report(so_far: int, _: str) -> None:
        nonlocal handled
        handled = so_far

    try:
        async with asyncio.timeout(lifetime) as limit:
            outcome = await services.waiting.release(body.consumer, parked, report)
            handled, why = outcome.handled, outcome.error
    except TransientFailure as failure:
        raise Unavailable(str(failure)) from failure
    except TimeoutError:
        if not limit.expired():
            raise
    finally:
        _log.info("%r releases %r of %s: %d handled", operator, body.name, body.consumer, handled)
    if why is not None:
        raise StillParked(why + _WAY_OUT if isinstance(parked, ParkedAlone) else why)
    return {"consumer": body.consumer, "name": body.name, "handled": handled, "released": not limit.expired()}
