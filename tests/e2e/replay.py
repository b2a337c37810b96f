"""The messages of streams, sent once more: what a relay does that was killed before its batch was checkpointed."""

import time
from collections.abc import Iterable

from engine.services import Services
from engine.storing.items import to_item
from tests.e2e.judge import Stream


async def relay_again(services: Services, streams: Iterable[Stream]) -> None:
    """Everything that the events of the streams call for."""
    now = int(time.time())
    await services.relay.run([{**to_item(event), "_ts": now} for stream in streams for event in stream.stored])
