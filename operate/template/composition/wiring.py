"""The functions of function_app.py get here what they need; nothing is loaded or connected before an invocation.

An exception while function_app.py is imported makes every function of the app vanish. An exception here fails one
invocation and is logged, and the next invocation tries again.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from engine.imports import OnFirstUse, imported, off_the_loop

if TYPE_CHECKING:
    from api.interface import Interface
    from engine.services import Services
    from engine.settings import TelemetrySettings
    from engine.triggers.bus import BusFunctions
    from engine.triggers.documentation import Documentation
    from engine.triggers.feed import FeedFunctions
    from engine.triggers.timer import TimerFunctions

T = TypeVar("T")


async def http() -> "Interface":
    """Returns the functions of HTTP, which connect on first use."""
    return await _HTTP.get()


async def documentation() -> "Documentation":
    """Returns the functions that describe the REST interface, which connect to nothing. Nothing else loads them."""
    return await _DOCUMENTATION.get()


async def feed() -> "FeedFunctions":
    """Returns the functions of the change feed. Loads neither pydantic nor the models of HTTP."""
    return await _FEED.get()


async def bus() -> "BusFunctions":
    """Returns the functions of the bus. Loads neither pydantic nor the models of HTTP."""
    return await _BUS.get()


async def timer() -> "TimerFunctions":
    """Returns the functions of the timer. Loads neither pydantic nor the models of HTTP."""
    return await _TIMER.get()


async def services() -> "Services":
    """Returns the services of this worker process, connected by the first call.

    Calls that come while it connects share the attempt, and its failure. Nothing closes the services: the worker does
    not say when it stops.
    """
    return await _SERVICES.get()


def _http() -> "Interface":
    from api.interface import interface
    from composition.domain import READ_MODELS
    from composition.settings import Settings

    settings = Settings.from_mapping(os.environ)
    return interface(services, READ_MODELS, trust_easyauth=settings.engine.trust_easyauth)


def _documentation() -> "Documentation":
    from api.description import DESCRIPTION
    from composition.domain import READ_MODELS
    from engine.triggers.documentation import Documentation

    return Documentation(DESCRIPTION, READ_MODELS)


def _feed() -> "FeedFunctions":
    from composition.domain import READ_MODELS
    from engine.triggers.feed import FeedFunctions

    return FeedFunctions(services, READ_MODELS)


def _bus() -> "BusFunctions":
    from engine.triggers.bus import bus_functions

    return bus_functions(services)


def _timer() -> "TimerFunctions":
    from composition.domain import READ_MODELS
    from engine.triggers.timer import TimerFunctions

    return TimerFunctions(services, READ_MODELS)


async def part(make: Callable[[], T]) -> T:
    """Returns what `make` returns, which is imported while the services connect."""
    _SERVICES.begun()
    await _BUILD.get()
    return await off_the_loop(make)


async def _connected() -> "Services":
    build = await _BUILD.get()
    began, context = time.perf_counter(), build()
    services = await context.__aenter__()
    _started("connect", began)
    # It would close the services when it is garbage-collected.
    _kept.append(context)
    return services


def _build() -> "Callable[[], AbstractAsyncContextManager[Services]]":
    began = time.perf_counter()
    from composition.services import build
    from composition.settings import Settings
    from engine.telemetry.logs import as_json_lines

    settings = Settings.from_mapping(os.environ)
    if "WEBSITE_INSTANCE_ID" in os.environ:
        as_json_lines()
    if settings.engine.telemetry is not None:
        _export(settings.engine.telemetry)
    _started("import", began)
    return partial(build, settings)


def _started(part: str, began: float) -> None:
    from engine.telemetry import metrics
    from engine.telemetry.instruments import START_DURATION

    metrics.record(START_DURATION, time.perf_counter() - began, {"start.part": part})


def _export(telemetry: "TelemetrySettings") -> None:
    try:
        from engine.telemetry.exporting import Process, start

        instance = f"{os.environ.get('WEBSITE_INSTANCE_ID', 'local')}-{os.getpid()}"
        start(telemetry, Process(os.environ.get("WEBSITE_SITE_NAME", "functions"), instance))
    except ImportError as error:
        # The service is worth more than what is known of it. No alarm: in Azure the setting is there for the host too.
        logging.getLogger(__name__).warning("nothing is exported: docs/telemetry.md says what to install: %s", error)


_HTTP: Final = OnFirstUse(partial(part, _http))
_DOCUMENTATION: Final = imported(_documentation)
_FEED: Final = OnFirstUse(partial(part, _feed))
_BUS: Final = OnFirstUse(partial(part, _bus))
_TIMER: Final = OnFirstUse(partial(part, _timer))
_BUILD: Final = imported(_build)
_SERVICES: Final = OnFirstUse(_connected)
_kept: "Final[list[AbstractAsyncContextManager[Services]]]" = []
