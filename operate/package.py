"""`operate package` packs what Azure is given: everything that `.funcignore` does not name."""

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from operate.bill import bill
from operate.failure import CommandFailed
from operate.output import print_rows, say

LARGEST: Final = 1_000_000
"""In bytes: a package beyond this holds something that the service does not need."""

_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
"""All files get this time, the first that a zip can say: the same files make the same package."""


def run(root: Path, target: Path, *, as_json: bool) -> None:
    """Packs the project in `root` into `target`, with its bill of materials beside it, and lists what is in it.

    Raises CommandFailed.
    """
    files = sorted(packed(root))
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in files:
            package.writestr(zipfile.ZipInfo(name, _MOMENT), (root / name).read_bytes(), zipfile.ZIP_DEFLATED)
    materials = bill(root, target.stem)
    target.with_suffix(".cdx.json").write_text(json.dumps(materials, indent=2) + "\n", encoding="utf-8")
    _list(root, files, as_json=as_json)
    size = target.stat().st_size
    if size > LARGEST:
        raise CommandFailed(
            f"{target} has {size:,} bytes, more than {LARGEST:,}: see what else .funcignore should name"
        )
    say(f"{target}: {len(files)} files, {size:,} bytes; Azure installs {len(materials['components'])} distributions")


def ignored(lines: Sequence[str]) -> re.Pattern[str]:
    """Returns what matches the paths that these lines of a `.funcignore` leave out, as the Core Tools read them.

    A line is the beginning of a path from the root; `*` stands for a part of it, `**` for several.
    """
    patterns = (re.escape(line).replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for line in lines)
    return re.compile("|".join(patterns))


def packed(root: Path) -> Iterator[str]:
    """Yields the path of every file that is packed. Raises CommandFailed."""
    listed = root / ".funcignore"
    if not listed.exists():
        raise CommandFailed(f"{listed} is missing: everything would be packed, secrets too")
    left_out = ignored(listed.read_text(encoding="utf-8").split())
    for folder, folders, names in os.walk(root):
        inside = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not left_out.match((inside / name).as_posix())]
        yield from (path for name in names if not left_out.match(path := (inside / name).as_posix()))


def _list(root: Path, files: Sequence[str], *, as_json: bool) -> None:
    counts, sizes = Counter[str](), Counter[str]()
    for name in files:
        top = name.partition("/")[0]
        counts[top] += 1
        sizes[top] += (root / name).stat().st_size
    print_rows([{"part": top, "files": counts[top], "bytes": sizes[top]} for top in sorted(counts)], as_json=as_json)
