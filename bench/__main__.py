"""`python -m bench`: measure all of it, or parts, and print or keep the tables."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from bench import (
    by_function,
    codecs,
    cold_start,
    dashboard,
    flash_sale,
    folding,
    in_memory,
    memory,
    messages,
    orders,
    overhead,
    page,
    parked,
    rebuild,
    round_trips,
    telemetry,
    verifying,
    visibility,
)
from emulators.bench import __main__ as of_emulators
from emulators.bench import tool
from emulators.bench.tool import Parts

_PROG: Final = "python -m bench"

PARTS: Final[Parts] = {
    "round-trips": ("what commands and queries ask of Cosmos DB, in requests and modelled RU", round_trips.run),
    "overhead": ("a warm command over the one batch that it sends", overhead.run),
    "telemetry": ("a warm command with telemetry, exported and sampled, over one without", telemetry.run),
    "folding": ("decode and fold 10,000 events, beside the eventsourcing library", folding.run),
    "in-memory": ("load, decide, append in memory, beside the same library", in_memory.run),
    "codecs": ("ours, pydantic, and functions written by hand, with json and orjson", codecs.run),
    "cold-start": ("imports, and a new process to its first answers", cold_start.run),
    "visibility": ("from POST to the view, and commands per second, with two hosts", visibility.run),
    "memory": ("memory after many events and many streams", memory.run),
    "local-cloud": of_emulators.PARTS["local-cloud"],
    "verify": ("events per second of `operate verify`, and its memory", verifying.run),
    "messages": ("commands over the bus, with 1 to 1,000 sessions and two hosts", messages.run),
    "flash-sale": ("more orders than units, all at once, with two hosts", flash_sale.run),
    "dashboard": ("from an order to the page that shows it, and fifty pages during a flash sale", dashboard.run),
    "orders": ("what a shipped order costs, and how soon its customer is asked to pay", orders.run),
    "parked-streams": ("the feed with 0, 1 and 100 parked streams", parked.run),
    "rebuild": ("a read model from all events, beside a bare read and a bare upsert", rebuild.run),
    "by-function": ("what each function asks of Cosmos DB on the way of an order", by_function.run),
    "local-bus": of_emulators.PARTS["local-bus"],
    "at-scale": of_emulators.PARTS["at-scale"],
}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = tool.parser(_PROG, "Measures the service and its local cloud on this machine.", PARTS)
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/performance.md")
    parsed = parser.parse_args(arguments)
    if parsed.quick and parsed.write:
        parser.error("--write takes figures of a full run, not of --quick")
    return parsed


def main() -> int:
    arguments = parse_arguments()
    facts, measured = tool.measure(_PROG, PARTS, arguments)
    if arguments.write:
        page.write(facts, measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
