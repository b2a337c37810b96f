"""`python -m bench.usage`: what a shipped order uses, measured; it writes usage.json, and what docs/cost.md shows."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import cloud, cost_page
from bench.orders import warm
from composition.domain import CONTAINERS
from emulators.bench import processes
from emulators.bench.scale import progress
from engine.storing.containers import LEASES
from engine.storing.cosmos_account import open_client
from operate import cost
from operate.costs.measured import less
from operate.costs.usage import FILE, Usage, write_usage
from operate.target import Place

_ORDERS: Final = 60
_DEADLINE_SECONDS: Final = 20
"""In which a payment is made or expires: the order waits for nothing, but its expiry is handled, which costs too."""

_EXPORTED_EVERY: Final = 0.5
_SETTLED_AFTER: Final = _DEADLINE_SECONDS + 4 * _EXPORTED_EVERY


async def measure(orders: int) -> Usage:
    """Returns what so many shipped orders have used, until the expiry of their payments has come to nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as data,
        processes.service("emulators.traces", "--port", "0") as receiver,
        cloud.stack(Path(data), 1, telemetry=_settings(receiver.url)) as stack,
    ):
        async with warm(stack) as ways:
            place = Place("the receiver", receiver.url, "bench")
            before, stored = await _settled(place), await _stored_bytes(stack)
            await ways("shipped", orders)
            after = await _settled(place)
            stored = await _stored_bytes(stack) - stored
    return Usage(
        counted=after.counted,
        count=after.count - before.count,
        date=after.date,
        how="python -m bench.usage",
        works=dict(sorted(less(after.works, before.works).items())),
        spans=after.spans - before.spans,
        span_bytes=after.span_bytes - before.span_bytes,
        stored_bytes=stored,
    )


def _settings(receiver: str) -> Mapping[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        "OTEL_METRIC_EXPORT_INTERVAL": str(int(_EXPORTED_EVERY * 1000)),
        "PAYMENT_DEADLINE": f"00:00:{_DEADLINE_SECONDS:02}",
    }


async def _settled(place: Place) -> Usage:
    progress(f"until every payment has expired and is exported, {_SETTLED_AFTER:g} s")
    await asyncio.sleep(_SETTLED_AFTER)
    return await cost.measure(place, cost.counted())


async def _stored_bytes(stack: cloud.Stack) -> int:
    """Returns the size of all items as JSON, but for leases, of which there are no more with more orders."""
    known = cloud.settings(stack.cosmos.url)
    size = 0
    async with open_client(known.engine.cosmos) as client:
        database = client.get_database_client(known.engine.cosmos_database)
        for container in CONTAINERS:
            if container != LEASES:
                items = database.get_container_client(container.name).query_items("SELECT * FROM c")
                async for item in items:
                    size += len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
    return size


def main() -> int:
    usage = asyncio.run(measure(_ORDERS))
    write_usage(cloud.ROOT / FILE, usage)
    cost_page.main()
    cost.show_usage(usage, 2048, as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
