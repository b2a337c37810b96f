"""`python -m bench`: measure all of it, or parts, and print or keep the tables."""

import argparse
import asyncio
import inspect
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import (
    at_scale,
    codecs,
    cold_start,
    flash_sale,
    folding,
    in_memory,
    local_bus,
    local_cloud,
    machine,
    memory,
    messages,
    overhead,
    page,
    round_trips,
    visibility,
)
from bench.report import Table
from bench.scale import FULL, QUICK, Scale

Part = Callable[[Scale], Sequence[Table] | Awaitable[Sequence[Table]]]

PARTS: Final[Mapping[str, tuple[str, Part]]] = {
    "round-trips": ("what commands and queries ask of Cosmos DB, in requests and modelled RU", round_trips.run),
    "overhead": ("a warm command over the one batch that it sends", overhead.run),
    "folding": ("decode and fold 10,000 events, beside the eventsourcing library", folding.run),
    "in-memory": ("load, decide, append in memory, beside the same library", in_memory.run),
    "codecs": ("cattrs, pydantic, and functions written by hand, with json and orjson", codecs.run),
    "cold-start": ("imports, and a new process to its first answers", cold_start.run),
    "visibility": ("from POST to the view, and commands per second, with two hosts", visibility.run),
    "memory": ("memory after many events and many streams", memory.run),
    "local-cloud": ("the local Cosmos DB under the SDK", local_cloud.run),
    "messages": ("commands over the bus, with 1 to 1,000 sessions and two hosts", messages.run),
    "flash-sale": ("more orders than units, all at once, with two hosts", flash_sale.run),
    "local-bus": ("the local Service Bus beside a bus that stores nothing, and a million messages", local_bus.run),
    "at-scale": ("the local Cosmos DB with a million events", at_scale.run),
}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the service and its local cloud on this machine. Everything is started here, on loopback "
        "and on free ports, is bounded in number and time, and has ended when this ends.",
        epilog="parts:\n"
        + "\n".join(f"  {name:<13} {about}" for name, (about, _) in PARTS.items())
        + "\n\nRatios come from sides that take turns, and hold on a machine that does other things too; times do not.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", nargs="+", metavar="PART", choices=PARTS, default=list(PARTS), help="these parts alone"
    )
    parser.add_argument("--quick", action="store_true", help="some minutes: to see that it works, not for figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write machine, tables and goals to FILE")
    parser.add_argument("--write", action="store_true", help="replace the tables in docs/performance.md")
    parsed = parser.parse_args(arguments)
    if parsed.quick and parsed.write:
        parser.error("--write takes figures of a full run, not of --quick")
    return parsed


def main() -> int:
    arguments = parse_arguments()
    facts = {**machine.facts(), "command": _command(arguments)}
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), end="\n\n", flush=True)
    scale = QUICK if arguments.quick else FULL
    measured: dict[str, Sequence[Table]] = {}
    begun = time.monotonic()
    for name in arguments.only:
        measured[name] = _run(name, scale)
        print("\n\n".join(table.to_text() for table in measured[name]), end="\n\n", flush=True)
    _say(f"all of it took {time.monotonic() - begun:.0f} s")
    if arguments.json is not None:
        _write_json(arguments.json, facts, measured)
    if arguments.write:
        page.write(facts, measured)
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """What makes the same figures, wherever they are written to."""
    parts = [] if arguments.only == list(PARTS) else ["--only", *arguments.only]
    return " ".join(["python -m bench", *parts, *(["--quick"] if arguments.quick else [])])


def _run(name: str, scale: Scale) -> Sequence[Table]:
    about, part = PARTS[name]
    begun = time.monotonic()
    _say(f"{name}: {about}")
    result = part(scale)
    tables = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
    _say(f"{name} took {time.monotonic() - begun:.0f} s")
    return tables


async def _awaited(tables: Awaitable[Sequence[Table]]) -> Sequence[Table]:
    return await tables


def _say(message: str) -> None:
    print(f"bench: {message}", file=sys.stderr, flush=True)


def _write_json(file: Path, facts: Mapping[str, Any], measured: Mapping[str, Sequence[Table]]) -> None:
    parts = {name: [table.to_json() for table in tables] for name, tables in measured.items()}
    file.write_text(json.dumps({"machine": facts, "parts": parts}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
