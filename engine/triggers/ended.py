"""The host ends an invocation when it stops: the worker cancels it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.consuming.errors import TransientFailure


@asynccontextmanager
async def ended_by_the_host() -> AsyncIterator[None]:
    """Raises TransientFailure for a cancellation of the block."""
    try:
        yield
    except asyncio.CancelledError:
        # The worker never answers a cancellation that escapes a handler: the invocation would hang.
        raise TransientFailure("the host ended the invocation") from None
