"""`operate audit` asks PyPI for known weaknesses of what Azure installs, by pip-audit."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from operate.bill import bill
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.output import print_rows, say

LIFETIME: Final = 60.0
"""In seconds: what has not answered by then could not be asked."""

PROGRAM: Final = (sys.executable, "-m", "pip_audit")


class NotAsked(Exception):
    """Is raised where nothing was told; the message says why."""


def run(root: Path, *, as_json: bool) -> None:
    """Prints each known weakness of a distribution in the bill of materials. Raises CommandFailed if there is one.

    What could not be asked is said and fails nothing: it is no fault of what is asked about.
    """
    components = bill(root, "app")["components"]
    try:
        told = _told(components)
    except NotAsked as error:
        say(f"audit: could not ask about {len(components)} distributions: {error}")
        return
    unknown = [each for each in told if "skip_reason" in each]
    rows = [_row(each, weakness) for each in told for weakness in each.get("vulns", ())]
    print_rows(rows, as_json=as_json)
    if unknown:
        say(f"audit: could not ask about {len(unknown)} of {len(told)} distributions: {unknown[0]['skip_reason']}")
    if rows:
        raise CommandFailed(
            f"known weaknesses: {len(rows)}; raise the versions in requirements.txt", ExitStatus.FINDINGS
        )
    if len(unknown) < len(told):
        say(f"audit: no known weakness of {len(told) - len(unknown)} distributions")


def _told(components: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Returns what pip-audit says of each, which is one that it could not ask about if it has a `skip_reason`."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text("".join(f"{each['name']}=={each['version']}\n" for each in components), encoding="utf-8")
        options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
        try:
            done = subprocess.run(  # noqa: S603 - the program that is named above
                [*PROGRAM, *options, "--requirement", str(pinned)],
                capture_output=True,
                text=True,
                timeout=LIFETIME,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotAsked(f"no answer for {LIFETIME:g} seconds") from None
    try:
        told: Sequence[Mapping[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise NotAsked((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    return told


def _row(distribution: Mapping[str, Any], weakness: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "distribution": distribution["name"],
        "version": distribution["version"],
        "weakness": weakness["id"],
        "mended in": ", ".join(weakness["fix_versions"]),
    }
