"""What function_app.py reaches: nothing is imported, read or connected before the first invocation needs it.

An exception while function_app.py is imported makes every function of the app vanish; one that is raised here fails
an invocation, is logged, and is tried again by the next one.
"""

import asyncio
import os
from typing import TYPE_CHECKING, Any

from engine.imports import imported

if TYPE_CHECKING:
    from api.interface import Interface
    from composition.settings import Settings
    from engine.assembly import Services
    from engine.triggers.bus import BusFunctions
    from engine.triggers.feed import FeedFunctions

_connecting = asyncio.Lock()
_made: dict[str, Any] = {}


async def http() -> "Interface":
    """The functions of HTTP; they connect on first use."""
    if "http" not in _made:
        api = await imported("api.interface")
        domain = await imported("composition.domain")
        trust_easyauth = (await _settings()).engine.trust_easyauth
        _made["http"] = api.interface(services, domain.READ_MODELS, trust_easyauth=trust_easyauth)
    made: Interface = _made["http"]
    return made


async def feed() -> "FeedFunctions":
    """The functions of the change feed. Loads neither pydantic nor the models of HTTP."""
    if "feed" not in _made:
        module = await imported("engine.triggers.feed")
        domain = await imported("composition.domain")
        _made["feed"] = module.FeedFunctions(services=services, read_models=domain.READ_MODELS)
    made: FeedFunctions = _made["feed"]
    return made


async def bus() -> "BusFunctions":
    """The functions of the bus. As those of the feed, they load nothing that serves HTTP."""
    if "bus" not in _made:
        module = await imported("engine.triggers.bus")
        _made["bus"] = module.bus_functions(services)
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


async def _settings() -> "Settings":
    module = await imported("composition.settings")
    settings: Settings = module.Settings.from_mapping(os.environ)
    return settings
