"""Part 4: what a new process costs: imports, and the way to the first answer and the first projected batch."""

import json
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from bench import cloud
from bench.material import CUSTOMER, LINES, new_id, new_item
from domain.order.aggregate import ORDER
from domain.order.events import OrderPlaced
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale

_LIBRARY: Final = "azure.functions"
_APP: Final = "function_app"
_HIDE_ORJSON: Final = "import sys; sys.modules['orjson'] = None; "
"""Installed for benchmarks alone: `azure.functions` would import it where it finds it."""

_STEPS: Final = {
    "interpreter": "interpreter starts",
    "index": "index: import function_app, list its functions",
    "imports": "first use: imports of composition.services, then of api.interface, or of engine.triggers.feed",
    "client": "until the client is open (it reads the account during the last imports)",
    "first invocation": "the invocation itself, first one",
    "second invocation": "for comparison: a second invocation",
}
_FLOOR: Final = "azure.functions, azure.cosmos.aio, aiohttp"
_IMPORT_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


def run(scale: Scale) -> Sequence[Table]:
    with cloud.cosmos() as service:
        known = cloud.environment(service.url)
        cloud.provision(known)
        return [_imports(scale), _first_answers(scale, known), _loaded(known)]


def _imports(scale: Scale) -> Table:
    seconds: Mapping[str, list[float]] = {_LIBRARY: [], _APP: []}
    for number in range(scale.fresh_processes + 1):
        for module in (_LIBRARY, _APP) if number % 2 else (_APP, _LIBRARY):
            taken = _import_time(module)
            if number:  # the first one may compile
                seconds[module].append(taken)
    ratio = statistics.median(app / library for app, library in zip(seconds[_APP], seconds[_LIBRARY], strict=True))
    return Table(
        "Import of function_app over azure.functions",
        f"""
        The time of one import statement in a fresh interpreter with compiled bytecode; {scale.fresh_processes} of
        each, in turns. `function_app` imports `azure.functions`, the wiring, and declares every trigger.
        """,
        ["", "ms, median", "ratio"],
        [
            [_APP, statistics.median(seconds[_APP]) * 1e3, ratio],
            [_LIBRARY, statistics.median(seconds[_LIBRARY]) * 1e3, 1.0],
        ],
        [Goal("import of function_app over azure.functions", 1.5, ratio)],
    )


def _import_time(module: str) -> float:
    timed = f"import time; begun = time.perf_counter(); import {module}; print(time.perf_counter() - begun)"
    return float(cloud.run_python("-c", _HIDE_ORJSON + timed))


def _first_answers(scale: Scale, known: Mapping[str, str]) -> Table:
    by_kind: Mapping[str, list[Mapping[str, float]]] = {"http": [], "feed": []}
    floor: list[float] = []
    for number in range(scale.fresh_processes + 1):
        libraries = _until_imported(_FLOOR)
        if number:
            floor.append(libraries)
        for kind, measured in by_kind.items():
            steps = _first_use(kind, known)
            if number:
                measured.append(steps)
    rows: list[Sequence[Cell]] = []
    for name, title in _STEPS.items():
        rows.append([title, *(_median_of(name, measured) for measured in by_kind.values())])
    totals = [
        statistics.median(sum(steps.values()) - steps.get("second invocation", 0.0) for steps in measured) * 1e3
        for measured in by_kind.values()
    ]
    rows.insert(-1, ["new process to first answer", *totals])
    rows.insert(-1, [f"the least: a new process that imports {_FLOOR}", *[statistics.median(floor) * 1e3] * 2])
    return Table(
        "A new process to its first answer",
        f"""
        A fresh process does what the worker does, against a Cosmos DB that runs: index the app, then the first
        invocation, whose parts are taken one by one. {scale.fresh_processes} of each, in turns; medians.
        """,
        ["ms", "first 201", "first projected batch"],
        rows,
    )


def _until_imported(modules: str) -> float:
    timed = f"import sys, time; import {modules}; print(time.monotonic() - float(sys.argv[1]))"
    return float(cloud.run_python("-c", _HIDE_ORJSON + timed, str(time.monotonic())))


def _first_use(kind: str, known: Mapping[str, str]) -> Mapping[str, float]:
    order_id = new_id()
    item = new_item(ORDER.stream_id(order_id), 1, OrderPlaced(order_id, CUSTOMER, LINES))
    arguments = ("-m", "bench.probes.first_use", kind)
    steps: Mapping[str, float] = json.loads(
        cloud.run_python(*arguments, str(time.monotonic()), known=known, stdin=json.dumps(item))
    )
    return steps


def _median_of(name: str, measured: Sequence[Mapping[str, float]]) -> float | None:
    found = [steps[name] for steps in measured if name in steps]
    return statistics.median(found) * 1e3 if found else None


def _loaded(known: Mapping[str, str]) -> Table:
    """One run: the compiler's own account is a picture, not a measurement."""
    columns = {
        "index": ("import function_app", ""),
        "services": ("import composition.services", "import function_app"),
        "HTTP part": ("import api.interface", "import function_app, composition.services"),
    }
    by_package: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(columns, 0.0))
    for column, (statement, before) in columns.items():
        for name, milliseconds in _import_times(statement, before, known).items():
            by_package[_owner(name)][column] += milliseconds
    largest = sorted(by_package.items(), key=lambda entry: -sum(entry[1].values()))[:14]
    return Table(
        "What the imports are made of",
        """
        Time within modules (`-X importtime`, one run, dearer than without), summed by package; the standard library
        is one line, as are our own packages together.
        """,
        ["ms", *columns],
        [[name, *times.values()] for name, times in largest],
    )


def _import_times(statement: str, before: str, known: Mapping[str, str]) -> Mapping[str, float]:
    mark = "print('----', file=sys.stderr, flush=True)"
    code = f"{_HIDE_ORJSON}{before or 'pass'}; {mark}; {statement}"
    done = subprocess.run(  # noqa: S603 - a constant of ours
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=cloud.ROOT,
        env=cloud.environment_of(known),
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stderr.partition("----\n")[2].splitlines()
    matches = [match for line in lines if (match := _IMPORT_LINE.match(line))]
    return {match[2]: int(match[1]) / 1e3 for match in matches}


def _owner(module: str) -> str:
    first, _, rest = module.partition(".")
    if first == "azure":
        return f"azure.{rest.partition('.')[0]}"
    if first in sys.stdlib_module_names or first.startswith("_"):
        return "standard library"
    if (cloud.ROOT / first).is_dir() or (cloud.ROOT / f"{first}.py").is_file():
        return "ours"
    return first
