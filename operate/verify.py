"""`operate verify` prints what a verification finds, and is a failure if it finds something."""

import asyncio
import math
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from composition.domain import READ_MODELS
from engine.clock import utc_now
from engine.projecting.generations.known import projection_of
from engine.projecting.query import AnyProjection
from engine.reacting.followers import followers
from engine.services import Services
from engine.storing.budget import Budget
from engine.storing.throughput import Background
from engine.verifying.findings import Finding
from engine.verifying.spill import Spill
from engine.verifying.verification import Verification
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.messages import connected
from operate.output import print_json, print_rows, say
from operate.progress import gauges

_SHOWN: Final = 1_000


async def run(
    environment: Mapping[str, str],
    state: Path | None,
    ru_per_second: int | None,
    unended_after: timedelta,
    *,
    as_json: bool,
) -> None:
    """Prints each finding: at once as JSON, else the first thousand as a table at the end.

    Raises CommandFailed for findings too: the exit status is for a timer.
    """
    findings: list[Finding] = []
    count = 0

    def found(finding: Finding) -> None:
        nonlocal count
        count += 1
        if as_json:
            print_json(_row(finding))
        elif count <= _SHOWN:
            findings.append(finding)

    with _spill(state) as spill, gauges("verify: ") as gauge:
        budget = Budget(ru_per_second or math.inf, time.monotonic, asyncio.sleep)
        async with connected(environment, background=Background(budget.charge)) as services:
            verification = await _verification(services, budget, unended_after)
            await verification.run(spill, found, lambda what, done, total: gauge({what: (done, total)}))
    print_rows([_row(finding) for finding in findings], as_json=False)
    if count:
        shown = "" if as_json or count <= _SHOWN else f", of which these are {_SHOWN} (--json has all)"
        found_them = "1 finding" if count == 1 else f"{count} findings"
        raise CommandFailed(
            f"{found_them}{shown}: docs/operations.md says what to do about each kind", ExitStatus.FINDINGS
        )
    say("all is as it must be")


async def _verification(services: Services, budget: Budget, unended_after: timedelta) -> Verification:
    written, building = list[AnyProjection](), set[str]()
    for each in READ_MODELS:
        now = await services.generations.looked_at(each)
        projections = {generation: projection_of(each, generation) for generation in now.written}
        written += projections.values()
        building |= {projections[generation].consumer for generation in set(now.written) - set(now.whole)}
    return Verification(
        feed=services.lags.feed,
        store=services.projector.store,
        codec=services.projector.codec,
        views=services.projector.views,
        rollups=services.counter.rollups,
        parked=services.parked,
        parked_streams=services.parked_streams,
        projections=written,
        building=building,
        processes=services.relay.processes,
        followers=followers(READ_MODELS),
        receivers=services.consumers.keys(),
        unended_after=unended_after,
        clock=utc_now,
        room=budget.room,
    )


@contextmanager
def _spill(state: Path | None) -> Iterator[Spill]:
    """Yields the file of an earlier run, or a new one. Raises CommandFailed for a file that is none."""
    with tempfile.TemporaryDirectory(prefix="operate-verify-") as folder:
        file = state or Path(folder) / "spill"
        try:
            opened = Spill(file)
        except sqlite3.DatabaseError as error:
            raise CommandFailed(f"{file} is no state of a verification: {error}") from error
        with closing(opened):
            yield opened
        # Nothing is left to go on with.
        file.unlink()


def _row(finding: Finding) -> Mapping[str, Any]:
    return {
        "finding": finding.kind,
        "stream": finding.stream,
        "consumer": finding.consumer,
        "detail": finding.detail,
    }
