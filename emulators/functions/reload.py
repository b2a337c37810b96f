"""Noticing that an app was edited, by looking at the times of its files."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

_POLL_S = 0.5
_SETTINGS = frozenset({"host.json", "local.settings.json"})


async def watch(app_dir: Path, before: Mapping[str, int], on_change: Callable[[str], None]) -> None:
    """Call `on_change` with a file's name whenever a source or settings file of the app changes; until cancelled.

    `before` are its modification times from before the app was loaded, or an edit beside its start would be lost.
    """
    while True:
        await asyncio.sleep(_POLL_S)
        now = await asyncio.to_thread(modification_times, app_dir)
        if now != before:
            changed = min(name for name, _ in before.items() ^ now.items())
            before = now
            on_change(changed)


def modification_times(app_dir: Path) -> Mapping[str, int]:
    """In nanoseconds, by name; environments and hidden folders are not part of an app."""
    times: dict[str, int] = {}
    for folder, folders, files in os.walk(app_dir):
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__")) and not (Path(folder) / name / "pyvenv.cfg").exists()
        ]
        for name in files:
            if name.endswith(".py") or (name in _SETTINGS and Path(folder) == app_dir):
                path = Path(folder) / name
                try:
                    times[str(path.relative_to(app_dir))] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
    return times
