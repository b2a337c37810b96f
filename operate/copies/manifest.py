"""What a copy knows of its making: the name of its service, and how every file of its rooms was when it came."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from operate.copies.writing import write
from operate.failure import CommandFailed

FILE: Final = ".operate-new.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files` are the digests of the files of the rooms, by their paths."""

    name: str
    files: Mapping[str, str]

    def write_to(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        write(folder / FILE, f"{text}\n".encode())


def read_manifest(folder: Path) -> Manifest:
    """Raises CommandFailed for a folder that is no copy."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Manifest(str(content["name"]), dict(content["files"]))
    except FileNotFoundError:
        raise CommandFailed(f"{folder} has no {FILE}: it was not made by `operate new`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailed(f"{folder / FILE} is damaged: take it from the history of {folder}") from error
