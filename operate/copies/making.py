"""A new copy: the rooms as they are, and a service of two events around them, from the template."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from operate.copies.manifest import Manifest
from operate.copies.rooms import TEMPLATE, carried, digests
from operate.copies.writing import write
from operate.failure import CommandFailed

PLACEHOLDER: Final = b"service-name"
"""Stands in the files of the template for the name of the service."""

_PLACEHOLDER: Final = re.compile(rb"(?<!azd-)" + PLACEHOLDER)
"""azd knows by a tag of that name which app it deploys to."""

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def make(root: Path, folder: Path, name: str) -> int:
    """Makes `folder` a copy of the project in `root`; gives the number of its files.

    It is there as a whole or not at all. Raises CommandFailed.
    """
    _check(root, folder, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        count = _fill(root, unfinished, name)
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished)
        raise
    return count


def target_of(name: str) -> str:
    """Where a file of the template goes: without `as-` at the beginning of a name.

    That is before the names which git and other tools would heed here, where the files are only a template.
    """
    return "/".join(part.removeprefix("as-") for part in name.removeprefix(TEMPLATE).split("/"))


def _check(root: Path, folder: Path, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CommandFailed(
            f"{name!r} cannot name a service: give --name up to 63 letters, digits and hyphens, no hyphen at either end"
        )
    if folder.is_relative_to(root):
        raise CommandFailed(f"{folder} is inside this project: give a folder beside it, such as ../{name}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CommandFailed(f"{folder} is there already, and not an empty folder; nothing was written")


def _fill(root: Path, folder: Path, name: str) -> int:
    files = carried(root)
    for path, file in files.items():
        write(folder / path, file.read_bytes(), like=file)
    template = {path: file for path, file in files.items() if path.startswith(TEMPLATE)}
    for path, file in template.items():
        content = _PLACEHOLDER.sub(name.encode(), file.read_bytes())
        write(folder / target_of(path), content, like=file)
    Manifest(name, digests(files)).write_to(folder)
    return len(files) + len(template) + 1
