"""Files that are there as a whole or not at all."""

import os
import shutil
from pathlib import Path
from typing import Final

UNFINISHED: Final = ".unfinished"
"""How the name ends of what was not written to its end."""


def write(file: Path, content: bytes, *, like: Path | None = None) -> None:
    """In one step, so that whoever interrupts leaves the old file or the new one; with the mode of `like`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + UNFINISHED)
    unfinished.write_bytes(content)
    if like is not None:
        shutil.copymode(like, unfinished)
    os.replace(unfinished, file)  # noqa: PTH105 - says that it replaces
