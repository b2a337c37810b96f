"""`operate verify` prints what a verification finds, and is a failure if it finds something."""

import asyncio
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
from engine.projecting.counting.rollup import Rollup
from engine.projecting.projection import Projection
from engine.reacting.followers import followers
from engine.services import Services
from engine.verifying.findings import Finding
from engine.verifying.spill import Spill
from engine.verifying.verification import Verification
from engine.verifying.walk import Rate
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
        async with connected(environment) as services:
            verification = _verification(services, ru_per_second, unended_after)
            await verification.run(spill, found, lambda what, done, total: gauge({what: (done, total)}))
    print_rows([_row(finding) for finding in findings], as_json=False)
    if count:
        shown = "" if as_json or count <= _SHOWN else f", of which these are {_SHOWN} (--json has all)"
        found_them = "1 finding" if count == 1 else f"{count} findings"
        raise CommandFailed(f"{found_them}{shown}: docs/operations.md says what to do about each kind")
    say("all is as it must be")


def _verification(services: Services, ru_per_second: int | None, unended_after: timedelta) -> Verification:
    follow = followers(READ_MODELS)
    return Verification(
        feed=services.lags.feed,
        store=services.projector.store,
        codec=services.projector.codec,
        views=services.projector.views,
        parked=services.parked,
        projections=[each.projection for each in READ_MODELS if isinstance(each.projection, Projection)],
        rollups=[each.projection for each in READ_MODELS if isinstance(each.projection, Rollup)],
        processes=services.relay.processes,
        consumers={**follow, **{name: name for name in services.consumers}},
        followers=list(follow),
        unended_after=unended_after,
        clock=utc_now,
        rate=Rate(ru_per_second, time.monotonic, asyncio.sleep),
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
