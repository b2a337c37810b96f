"""The folder of a store: made if need be, and marked with the format of what it holds."""

from __future__ import annotations

from pathlib import Path


class DataFolderError(Exception):
    """A data folder that this build cannot use; the message says what to do."""


def prepare(folder: Path, database: str, *, marker: str, format_: str, of: str) -> Path:
    """The path of the database in the folder. Raises DataFolderError for data of another format.

    `of` names what the data is of. Data without a marker is older than markers are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark, path = folder / marker, folder / database
    found = mark.read_text().strip() if mark.exists() else None
    if found is None and path.exists():
        found = "without a version"
    if found not in {None, format_}:
        raise DataFolderError(
            f"{folder} holds {of} data of format {found}, this build reads format {format_}; "
            "delete the folder or give another one with --data"
        )
    mark.write_text(f"{format_}\n")
    return path
