"""new: a service of one's own, made from this project, and brought up to date with it."""

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from operate.arguments import Commands
from operate.copies.making import make
from operate.copies.manifest import read_manifest
from operate.copies.rooms import ROOMS, TEMPLATE
from operate.copies.updating import Change, apply, changes
from operate.failure import CommandFailed
from operate.lines import print_line

_ROOMS: Final = f"{', '.join(ROOMS[:-1])} and {ROOMS[-1]}"
_NEXT: Final = """\
next:
  cd {folder}
  git init && git add . && git commit -m "A new service"
  make run
and, in a second terminal:
  curl -sS http://localhost:7071/api/guests/ada/arrival -H 'Content-Type: application/json' -d '{{"room": 7}}'
  curl -sS http://localhost:7071/api/guests/ada
README.md there says what is where, and what to change first."""


def add(commands: Commands, root: Path) -> None:
    """Adds the command to those of `operate`; `root` is the project that is copied."""
    command = commands.add_parser(
        "new",
        help="make a service of your own, or bring one up to date",
        description="Makes DIR a whole service of its own, ready for `make run`, `make check` and `make test`: "
        f"{_ROOMS} as they are here, and around them a small domain of two events, guests who arrive and leave, with "
        "its read model, REST interface, tests, README and CI. DIR must not exist, or be empty. With --update, DIR is "
        "such a service: those folders become as they are here again, each file that is replaced, added or removed is "
        "named, and nothing else is touched. Safe to interrupt and to run again.",
    )
    command.add_argument("folder", metavar="DIR", type=Path)
    command.add_argument(
        "--name",
        help="letters, digits and hyphens: the name of the database, the title of the README, the name in "
        "pyproject.toml and in what Cosmos DB logs of its clients (default: the last part of DIR). The domain is that "
        "of guests, whatever the name",
    )
    command.add_argument("--update", action="store_true", help="bring the service in DIR up to date instead")
    command.add_argument(
        "--discard-changes",
        action="store_true",
        help="with --update, also replace or remove what was changed or added there since; without, nothing is done",
    )
    command.add_argument("--json", action="store_true", help="one JSON object per line instead of text")
    command.set_defaults(run=partial(_run, root))


async def _run(root: Path, chosen: argparse.Namespace) -> None:
    try:
        folder = chosen.folder.resolve()
        if chosen.update:
            if chosen.name is not None:
                raise CommandFailed("--update keeps the name: leave --name out")
            _update(root, folder, discard=chosen.discard_changes, as_json=chosen.json)
        else:
            if chosen.discard_changes:
                raise CommandFailed("--discard-changes goes with --update: a new service replaces nothing")
            _new(root, folder, chosen.folder, chosen.name, as_json=chosen.json)
    except OSError as error:
        raise CommandFailed(f"{error}; run it again once that is mended") from error


def _new(root: Path, folder: Path, shown: Path, name: str | None, *, as_json: bool) -> None:
    name = folder.name if name is None else name
    count = make(root, folder, name)
    if as_json:
        print_line({"folder": str(folder), "name": name, "files": count}, as_json=True)
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
    _sum_up(plan, as_json=as_json)


def _say(change: Change, *, as_json: bool) -> None:
    if as_json:
        print_line({"file": change.file, "did": change.did, "discarded": change.discards}, as_json=True)
    else:
        print(f"{change.did} {change.file}{' (your change is gone)' if change.discards else ''}")


def _sum_up(plan: Sequence[Change], *, as_json: bool) -> None:
    counts = Counter(change.did for change in plan)
    if as_json:
        print_line({did: counts[did] for did in ("replaced", "added", "removed")}, as_json=True)
        return
    print(
        f"{counts['replaced']} replaced, {counts['added']} added, {counts['removed']} removed: {_ROOMS} are up to date"
    )
    if any(change.file.startswith(TEMPLATE) for change in plan):
        print(f"{TEMPLATE} changed: your own files are as you left them, look there for what you want of it")
