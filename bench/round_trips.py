"""Part 1: what commands and queries ask of Cosmos DB, and what the model of charges says to that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import scenarios
from bench.scenarios import Rig, Scenario, charge, kinds
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale

SIZES: Final = (512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Kind:
    """`budget` is the number of round trips that the design allows; `parallel` requests share one of them."""

    title: str
    scenario: Scenario
    budget: int
    parallel: int = 0


KINDS: Final = (
    Kind("command that starts its stream", scenarios.starts_its_stream, 1),
    Kind("warm command, one event", scenarios.warm, 1),
    Kind("cold command, short stream", scenarios.cold, 2),
    Kind("cold command, 120 events, snapshot", scenarios.cold_with_snapshot, 2, parallel=1),
    Kind("warm command in conflict", scenarios.conflicting, 3),
    Kind("the same command again, stale cache", scenarios.sent_again, 2),
    Kind("warm command, refused", scenarios.refused_warm, 2),
    Kind("cold command, refused", scenarios.refused_cold, 2),
    Kind("view", scenarios.view, 1),
    Kind("view that is behind what is asked for", scenarios.view_behind, 2),
    Kind("view of what never was", scenarios.view_of_nothing, 3),
)

MOST_RU_WARM: Final = 8.0
MOST_RU_VIEW: Final = 1.0


async def run(_scale: Scale) -> Sequence[Table]:
    async with scenarios.rig() as rig:
        return [await _table(rig)]


async def _table(rig: Rig) -> Table:
    rows: list[Sequence[Cell]] = []
    goals: list[Goal] = []
    for kind in KINDS:
        by_size = [await kind.scenario(rig, size) for size in SIZES]
        requests = kinds(by_size[0])
        round_trips = len(requests) - kind.parallel
        charges = [charge(records) for records in by_size]
        at_once, then = requests[: kind.parallel + 1], requests[kind.parallel + 1 :]
        rows.append([kind.title, round_trips, " → ".join([" and ".join(at_once), *then]), *charges])
        goals.append(Goal(f"{kind.title}, round trips", kind.budget, round_trips))
        if kind.scenario is scenarios.warm:
            goals.append(Goal(f"{kind.title} of 1 KB, RU", MOST_RU_WARM, charges[SIZES.index(1024)]))
        if kind.scenario is scenarios.view:
            goals.append(Goal(f"{kind.title}, RU", MOST_RU_VIEW, charges[SIZES.index(1024)]))
    return Table(
        "Round trips and request units",
        """
        Requests as the local server saw them, of a process that has connected before; another process over the
        same account writes what a cold or stale cache does not know.
        Events are orders placed and cancelled, padded so that the item has the size of its column; the smallest
        is 0.6 KB, since the envelope alone has that much.
        RU are a model (published charges, fitted), not measured on an account; the model charges nothing for a
        batch that is refused.
        """,
        ["", "round trips", "requests", "RU 0.6 KB", "RU 1 KB", "RU 2 KB", "RU 4 KB"],
        rows,
        goals,
    )
