"""`TimerFunctions` does what nobody asks for, once a minute and on one instance of all."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.consuming import observed
from engine.projecting.query import ReadModel
from engine.reacting.followers import followers
from engine.telemetry.metrics import are_recorded
from engine.triggers.ended import ended_by_the_host

if TYPE_CHECKING:
    from engine.services import Services


@dataclass(frozen=True, slots=True)
class TimerFunctions:
    services: "Callable[[], Awaitable[Services]]"
    read_models: Iterable[ReadModel]

    async def every_minute(self) -> None:
        """Measures, where anything is exported, and releases what waits for no operator: of the bus and of the feed.

        Raises AdapterError and TransientFailure.
        """
        async with ended_by_the_host():
            with observed.run("every minute"):
                services = await self.services()
                # First, since a release takes as long as what it handles.
                if are_recorded():
                    with observed.measurement():
                        await services.gauges.measure(followers(self.read_models), services.consumers)
                with observed.timer("release newer"):
                    await services.newer.run()
                    await services.automatic.run()
