"""A copy whose rooms are brought up to date with this project."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from operate.copies.manifest import Manifest
from operate.copies.rooms import ROOMS, TEMPLATE, carried, digests, found, is_yours
from operate.copies.writing import write


@dataclass(frozen=True, slots=True)
class Change:
    """`discards`: the author has changed, or added, what is replaced or removed."""

    file: str
    did: Literal["replaced", "added", "removed"]
    discards: bool


def changes(root: Path, folder: Path, manifest: Manifest) -> Sequence[Change]:
    """What makes the rooms of `folder` those of the project in `root`, by file. Raises CommandFailed."""
    return planned(digests(carried(root)), manifest.files, digests(found(folder)))


def planned(wanted: Mapping[str, str], known: Mapping[str, str], present: Mapping[str, str]) -> Sequence[Change]:
    """All are digests by path: what is to be there, what came with the last update, and what is there."""
    plan = []
    for file in sorted(wanted.keys() | present.keys()):
        now, then = present.get(file), wanted.get(file)
        if now is None:
            plan.append(Change(file, "added", discards=False))
        elif now != then:
            did: Literal["replaced", "removed"] = "removed" if then is None else "replaced"
            plan.append(Change(file, did, discards=now != known.get(file)))
    return plan


def apply(root: Path, folder: Path, manifest: Manifest, plan: Sequence[Change]) -> None:
    """Safe to interrupt: each file is the old one or the new one, and what the copy knows of them comes last."""
    files = carried(root)
    for change in plan:
        if change.did == "removed":
            (folder / change.file).unlink()
    _remove_folders_without_files(folder, {parent for path in files for parent in (folder / path).parents})
    for change in plan:
        if change.did != "removed":
            write(folder / change.file, files[change.file].read_bytes(), like=files[change.file])
    Manifest(manifest.name, digests(files)).write_to(folder)


def missing_requirements(folder: Path) -> Sequence[tuple[str, str]]:
    """What the rooms of `folder` need and its own requirements do not have: the file, and the line of the template."""
    missing = []
    for template in sorted((folder / TEMPLATE).glob("requirements*.txt")):
        own = folder / template.name
        known = own.read_text(encoding="utf-8").splitlines() if own.exists() else []
        lines = template.read_text(encoding="utf-8").splitlines()
        missing += [(own.name, line) for line in lines if line[:1] not in ("", "#") and line not in known]
    return missing


def _remove_folders_without_files(folder: Path, kept: set[Path]) -> None:
    """What tools have left behind in them goes too, but for what Terraform has prepared there."""
    for room in ROOMS:
        for path, subfolders, _ in os.walk(folder / room):
            gone = [
                name
                for name in subfolders
                if name not in ("__pycache__", ".terraform")
                and Path(path, name) not in kept
                and not is_yours(f"{Path(path, name).relative_to(folder).as_posix()}/")
            ]
            for name in gone:
                shutil.rmtree(Path(path, name))
            subfolders[:] = [name for name in subfolders if name not in gone]
