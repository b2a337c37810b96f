"""A benchmark as a command line: parts that are chosen by name, their tables printed and kept."""

import argparse
import asyncio
import inspect
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulators.bench import machine
from emulators.bench.report import Table
from emulators.bench.scale import FULL, QUICK, Scale

Part = Callable[[Scale], Sequence[Table] | Awaitable[Sequence[Table]]]
Parts = Mapping[str, tuple[str, Part]]
"""By name, what a part is about and what measures it."""


def parser(prog: str, description: str, parts: Parts) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=prog,
        description=f"{description} Everything is started here, on loopback "
        "and on free ports, is bounded in number and time, and has ended when this ends.",
        epilog="parts:\n"
        + "\n".join(f"  {name:<13} {about}" for name, (about, _) in parts.items())
        + "\n\nRatios come from sides that take turns, and hold on a machine that does other things too; times do not.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", nargs="+", metavar="PART", choices=parts, default=list(parts), help="these parts alone")
    made.add_argument("--quick", action="store_true", help="some minutes: to see that it works, not for figures")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write machine, tables and goals to FILE")
    return made


def measure(
    prog: str, parts: Parts, arguments: argparse.Namespace
) -> tuple[Mapping[str, str], Mapping[str, Sequence[Table]]]:
    """Measure and print the parts that were chosen; gives the facts of the machine, and the tables by part."""
    facts = {**machine.facts(), "command": _command(prog, parts, arguments)}
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), end="\n\n", flush=True)
    scale = QUICK if arguments.quick else FULL
    measured: dict[str, Sequence[Table]] = {}
    begun = time.monotonic()
    for name in arguments.only:
        measured[name] = _run(name, *parts[name], scale)
        print("\n\n".join(table.to_text() for table in measured[name]), end="\n\n", flush=True)
    _say(f"all of it took {time.monotonic() - begun:.0f} s")
    if arguments.json is not None:
        _write_json(arguments.json, facts, measured)
    return facts, measured


def _command(prog: str, parts: Parts, arguments: argparse.Namespace) -> str:
    """What makes the same figures, wherever they are written to."""
    chosen = [] if arguments.only == list(parts) else ["--only", *arguments.only]
    return " ".join([prog, *chosen, *(["--quick"] if arguments.quick else [])])


def _run(name: str, about: str, part: Part, scale: Scale) -> Sequence[Table]:
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
