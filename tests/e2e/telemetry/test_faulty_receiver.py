"""Whatever is wrong with what takes telemetry, orders go their way; when it is well again, it is told of them again."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.parts import parts
from tests.e2e.stack import eventually
from tests.e2e.telemetry.orders import shopper
from tests.e2e.telemetry.received import SOON, TAKEN, Answer, receiver

FAULTS: Final = {
    "hangs": Answer(None),
    "refuses": Answer(400),
    "throttles": Answer(429, {"Retry-After": "1"}),
    "is away": Answer(503),
}

WITHIN: Final = 20.0
"""An order takes a second or two; if its twelve commands waited for an exporter, which waits for five, a minute."""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_orders_are_shipped_whatever_is_wrong_with_the_receiver(tmp_path: Path) -> None:
    with receiver() as received, parts(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **SOON) as running:
        async with shopper(running, "mug") as shop:
            # A host that was not called yet exports nothing.
            await shop.has_an_order_shipped("well")
            for name, received.answer in FAULTS.items():
                before = received.refused

                async def is_met(before: int = before) -> bool:
                    return received.refused > before

                await eventually(True, is_met)
                async with asyncio.timeout(WITHIN):
                    await shop.has_an_order_shipped(name)
            received.answer = TAKEN
            order_id = await shop.has_an_order_shipped("well again")

            async def is_told() -> bool:
                streams = {span.attributes.get("stream.id") for span in received.spans() if span.is_done}
                return {f"order-{order_id}", f"payment-{order_id}", f"fulfilment-{order_id}"} <= streams

            await eventually(True, is_told)
