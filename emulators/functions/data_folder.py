"""The folder that keeps timers' status and keys from one run to the next."""

from pathlib import Path

_MARKER = "functions-format"
_FORMAT = "1"


class DataFolderError(Exception):
    """The folder was written by another format of this host; the message says what to do."""


def open_data_folder(path: Path) -> None:
    """Create the folder, or check that this host can use it. Raises DataFolderError."""
    path.mkdir(parents=True, exist_ok=True)
    marker = path / _MARKER
    if not marker.exists():
        marker.write_text(_FORMAT + "\n", encoding="utf-8")
        return
    found = marker.read_text(encoding="utf-8").strip()
    if found != _FORMAT:
        raise DataFolderError(
            f"{path} holds data of format {found}, this host writes format {_FORMAT}; "
            "move the folder away or give another one with --data"
        )
