"""What is carried into a copy as it is: the rooms, which no author changes, and the template of everything else."""

import fnmatch
import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from operate.copies.writing import UNFINISHED
from operate.failure import CommandFailed

ROOMS: Final = ("engine", "emulators", "devstack", "operate", "infra", "tests/engine")
TEMPLATE: Final = "operate/template/"

_YOURS: Final = (
    "infra/model.json",
    "infra/plans/*",
    "infra/own.tf",
    "infra/main.tfvars.json",
    "infra/backend.tf",
    "infra/.terraform.lock.hcl",
)
"""What in the rooms is the author's all the same: what says what the service is, and what a team tells Terraform."""

_LEFT_OUT: Final = (
    "__pycache__",
    "*.py[co]",
    ".*_cache",
    ".hypothesis",
    "*.egg-info",
    "build",
    "dist",
    ".terraform",
    "*.tfstate*",
    f"*{UNFINISHED}",
)
"""What tools leave behind, and an update that was interrupted."""


def carried(root: Path) -> Mapping[str, Path]:
    """Every file of the rooms of the project in `root`, by its path there: what git tracks, else all but caches.

    Raises CommandFailed.
    """
    if not (root / ".git").exists():
        return found(root)
    try:
        listed = subprocess.run(  # noqa: S603
            ["git", "ls-files", "-z", "--", *ROOMS],  # noqa: S607 - the git that made this folder
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise CommandFailed(f"git does not say which files it tracks here: {str(reason).strip()}") from error
    files = {name: root / name for name in listed.split("\0") if name and not is_yours(name)}
    for room in ROOMS:
        if not any(name.startswith(f"{room}/") for name in files):
            raise CommandFailed(f"git tracks no file of {room} here: `git add` this project first")
    return {name: file for name, file in files.items() if file.exists()}


def found(folder: Path) -> Mapping[str, Path]:
    """Every file that lies in the rooms of `folder`, by its path there, but for what tools leave behind."""
    files = {file.relative_to(folder).as_posix(): file for room in ROOMS for file in _files(folder / room)}
    return {name: file for name, file in files.items() if not is_yours(name)}


def digest(content: bytes) -> str:
    """What tells whether a file is as it was."""
    return hashlib.sha256(content).hexdigest()


def digests(files: Mapping[str, Path]) -> Mapping[str, str]:
    return {name: digest(file.read_bytes()) for name, file in files.items()}


def _files(room: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(room):
        subfolders[:] = [name for name in subfolders if not _left_out(name)]
        yield from (Path(folder, name) for name in names if not _left_out(name))


def is_yours(name: str) -> bool:
    """Whether what has this path, a folder with a slash at its end, is the author's though it lies in a room."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _YOURS)


def _left_out(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _LEFT_OUT)
