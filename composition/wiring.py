"""What function_app.py reaches: nothing is imported, read or connected before the first invocation needs it.

An exception while function_app.py is imported makes every function of the app vanish; one that is raised here fails
an invocation, is logged, and is tried again by the next one.
"""

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from composition.imports import imported

if TYPE_CHECKING:
    from composition.services import Services
    from composition.settings import Settings
    from triggers.bus import BusFunctions
    from triggers.feed import FeedFunctions
    from triggers.http import HttpFunctions

_connecting = asyncio.Lock()
_made: dict[str, Any] = {}


async def http() -> "HttpFunctions":
    """The functions of HTTP; they connect on first use."""
    if "http" not in _made:
        module = await imported("triggers.http")
        _made["http"] = module.HttpFunctions(services=services, trust_easyauth=(await _settings()).trust_easyauth)
    made: HttpFunctions = _made["http"]
    return made


async def feed() -> "FeedFunctions":
    """The functions of the change feed. Loads neither pydantic nor the models of HTTP."""
    if "feed" not in _made:
        module = await imported("triggers.feed")
        catalogue = await imported("projections.views.catalogue")
        _made["feed"] = module.FeedFunctions(services=services, projections=catalogue.PROJECTIONS)
    made: FeedFunctions = _made["feed"]
    return made


async def bus() -> "BusFunctions":
    """The functions of the bus. As those of the feed, they load nothing that serves HTTP."""
    if "bus" not in _made:
        module = await imported("triggers.bus")
        patience = await imported("consumers.patience")
        _made["bus"] = module.BusFunctions(services=services, patience=patience.Patience(_now, asyncio.sleep))
    made: BusFunctions = _made["bus"]
    return made


async def services() -> "Services":
    """The worker's own instance. Nobody closes it: the worker does not say when it stops."""
    async with _connecting:
        if "services" not in _made:
            module = await imported("composition.services")
            # Kept as long as the process: a context that nobody holds is collected, and closes what it has opened.
            _made["context"] = context = module.build(await _settings())
            _made["services"] = await context.__aenter__()
    made: Services = _made["services"]
    return made


def _now() -> datetime:
    return datetime.now(UTC)


async def _settings() -> "Settings":
    module = await imported("composition.settings")
    settings: Settings = module.Settings.from_mapping(os.environ)
    return settings
