"""The functions of a process, in a test."""

from functools import partial

from engine.services import Services
from engine.triggers.timer import TimerFunctions
from tests.engine.toy.registry import READ_MODELS
from tests.engine.world import World


async def ready(world: World) -> Services:
    return world.services


async def every_minute(world: World) -> None:
    await TimerFunctions(partial(ready, world), READ_MODELS).every_minute()
