"""Changes of the app's files, found by looking: the standard library has no other way that works on every system."""

import os
from typing import Dict, Iterator, Optional, Tuple

# What the Functions host never loads.
_NOT_THE_APP = {"devstack", "docs", "emulators", "node_modules", "tests", "__pycache__"}

_Snapshot = Dict[str, Tuple[int, int]]


class SourceWatch:
    """The Python and JSON files of the app in `root`, as they were at the last look."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._last = self._look()

    def changed(self) -> Optional[str]:
        """A file that was written, added or removed since the last look, None if none was."""
        before, self._last = self._last, self._look()
        different = before.items() ^ self._last.items()
        return min(path for path, _ in different) if different else None

    def _look(self) -> _Snapshot:
        snapshot = {}
        for path in self._files():
            try:
                found = os.stat(os.path.join(self._root, path))
            except FileNotFoundError:
                continue
            snapshot[path] = (found.st_mtime_ns, found.st_size)
        return snapshot

    def _files(self) -> Iterator[str]:
        for folder, subfolders, names in os.walk(self._root):
            subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in _NOT_THE_APP]
            for name in names:
                if name.endswith((".py", ".json")):
                    yield os.path.relpath(os.path.join(folder, name), self._root)
