"""`operate new` makes a service of one's own from this project, and brings it up to date with it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from operate.copies.making import make
from operate.copies.manifest import read_manifest
from operate.copies.rooms import ROOMS, TEMPLATE
from operate.copies.updating import Change, apply, changes, missing_requirements
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.output import print_json

ROOMS_IN_WORDS: Final = f"{', '.join(ROOMS[:-1])} and {ROOMS[-1]}"
_NEXT: Final = """\
next:
  cd {folder}
  git init && git add . && git commit -m "A new service"
  make run
and, in a second terminal:
  curl -sS http://localhost:7071/api/guests/ada/arrival -H 'Content-Type: application/json' -d '{{"room": 7}}'
  curl -sS http://localhost:7071/api/guests/ada
README.md there says what is where, and what to change first."""


def run(root: Path, shown: Path, name: str | None, *, update: bool, discard: bool, as_json: bool) -> None:
    """Makes `shown` a service out of the project in `root`, or brings it up to date. Raises CommandFailed."""
    try:
        folder = shown.resolve()
        if update:
            if name is not None:
                raise CommandFailed("--update keeps the name: leave --name out", ExitStatus.USAGE)
            _update(root, folder, discard=discard, as_json=as_json)
        else:
            if discard:
                raise CommandFailed(
                    "--discard-changes goes with --update: a new service replaces nothing", ExitStatus.USAGE
                )
            _new(root, folder, shown, name, as_json=as_json)
    except OSError as error:
        raise CommandFailed(f"{error}; run it again once that is mended") from error


def _new(root: Path, folder: Path, shown: Path, name: str | None, *, as_json: bool) -> None:
    name = folder.name if name is None else name
    count = make(root, folder, name)
    if as_json:
        print_json({"folder": str(folder), "name": name, "files": count})
    else:
        print(f"made {shown}: the service {name}, {count} files", _NEXT.format(folder=shown), sep="\n")


def _update(root: Path, folder: Path, *, discard: bool, as_json: bool) -> None:
    if folder == root:
        raise CommandFailed(f"{folder} is this project itself: --update takes a service that was made from it")
    manifest = read_manifest(folder)
    plan = changes(root, folder, manifest)
    discarded = [change.file for change in plan if change.discards]
    if discarded and not discard:
        raise CommandFailed(
            f"nothing was done: {', '.join(discarded)} changed there since the last update; "
            "move what you need into files of your own, then run it again with --discard-changes"
        )
    apply(root, folder, manifest, plan)
    for change in plan:
        _say(change, as_json=as_json)
    _sum_up(plan, missing_requirements(folder), as_json=as_json)


def _say(change: Change, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": change.file, "did": change.did, "discarded": change.discards})
    else:
        print(f"{change.did} {change.file}{' (your change is gone)' if change.discards else ''}")


def _sum_up(plan: Sequence[Change], missing: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    counts = Counter(change.did for change in plan)
    if as_json:
        summed = {did: counts[did] for did in ("replaced", "added", "removed")}
        print_json({**summed, "missing": [{"file": file, "line": line} for file, line in missing]})
        return
    did = ", ".join(f"{counts[did]} {did}" for did in ("replaced", "added", "removed"))
    print(f"{did}: {ROOMS_IN_WORDS} are up to date")
    if any(change.file.startswith(TEMPLATE) for change in plan):
        print(f"{TEMPLATE} changed: your own files are as you left them, look there for what you want of it")
    for file, line in missing:
        print(f"{file} has no line `{line}`: add it, the rooms were tested with it")
