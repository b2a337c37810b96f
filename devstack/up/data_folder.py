"""The folder that keeps the stack's data between runs. A marker file says that it is one, and of which format."""

import os
import shutil
from typing import Dict

from devstack.up.errors import OTHER_FORMAT, StackError

FORMAT = "1"
_MARKER = "devstack-format"


def shown(folder: str) -> str:
    """The folder as the user would name it."""
    relative = os.path.relpath(folder)
    return folder if relative.startswith(os.pardir) else relative


def prepare(folder: str) -> None:
    """Make `folder` a data folder unless it is one. Raises StackError for any other folder and for another format."""
    marker = os.path.join(folder, _MARKER)
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.listdir(folder):
            with open(marker, "w") as file:
                file.write(FORMAT + "\n")
    except OSError as error:
        raise StackError(
            "%s cannot hold the data (%s); choose another folder with DEVSTACK_DATA=<folder>"
            % (shown(folder), error.strerror)
        ) from error
    require_marker(folder)
    with open(marker) as file:
        # An empty marker is one that is being written at this moment.
        found = file.read().strip() or FORMAT
    if found != FORMAT:
        raise StackError(
            "%s was written by %s devstack (format %s, this one writes %s); "
            "`python -m devstack reset` removes it, DEVSTACK_DATA=<folder> chooses another"
            % (shown(folder), "a newer" if _number(found) > _number(FORMAT) else "an older", found, FORMAT),
            OTHER_FORMAT,
        )


def require_marker(folder: str) -> None:
    """Raises StackError unless `folder` carries the marker: no other folder is ever written to, or removed."""
    if not os.path.isfile(os.path.join(folder, _MARKER)):
        raise StackError(
            "%s holds other files than the stack's data; choose another folder with DEVSTACK_DATA=<folder>"
            % shown(folder),
            OTHER_FORMAT,
        )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def sizes(folder: str) -> Dict[str, int]:
    """The bytes that each service keeps in the folder."""
    return {
        entry.name: sum(
            os.lstat(os.path.join(path, name)).st_size for path, _, names in os.walk(entry.path) for name in names
        )
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if entry.is_dir(follow_symlinks=False)
    }


def remove(folder: str) -> None:
    shutil.rmtree(folder)
