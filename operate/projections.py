"""`operate projections` tells how far those who follow the change feed have come."""

import asyncio
from collections.abc import Mapping

from composition.domain import READ_MODELS
from engine.clock import utc_now
from engine.reacting.followers import followers
from operate.messages import connected
from operate.output import print_rows


async def status(environment: Mapping[str, str], *, as_json: bool) -> None:
    """Prints a row per consumer of the feed and partition. Raises CommandFailed."""
    consumers = followers(READ_MODELS)
    async with connected(environment) as services:
        lags = await services.lags.of(consumers, utc_now())
        parked = await asyncio.gather(*(services.parked.sessions(name) for name in consumers.values()))
    counts = dict(zip(consumers, map(len, parked), strict=True))
    print_rows(
        [
            {
                "consumer": lag.consumer,
                "partition": lag.partition,
                "state": lag.state,
                "documents": lag.documents,
                "seconds": _rounded(lag.seconds),
                "owner": lag.owner,
                "leaseAge": _rounded(lag.age),
                "parked": counts[lag.consumer],
            }
            for lag in lags
        ],
        as_json=as_json,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
