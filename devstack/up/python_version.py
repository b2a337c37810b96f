"""Which Pythons run the stack. Runs itself under any Python 3."""

import shutil
from typing import Optional, Tuple

OLDEST = (3, 11)
NEWEST = (3, 13)


def complaint(running: Tuple[int, ...]) -> Optional[str]:
    """What to do about a Python that is too old, in one line; None if it is not."""
    if running >= OLDEST:
        return None
    found = _found()
    return "Python %s is too old, %s to %s is needed; %s: make run PYTHON=%s" % (
        _text(running),
        _text(OLDEST),
        _text(NEWEST),
        "this machine has one" if found else "install one, then",
        found or "python" + _text(NEWEST),
    )


def warning(running: Tuple[int, ...]) -> Optional[str]:
    """What to know about a Python that is newer than those that the stack was tried on; None if it is not."""
    if running <= NEWEST:
        return None
    return "Python %s is not run by us (%s to %s are); going on" % (_text(running), _text(OLDEST), _text(NEWEST))


def is_supported(version: str) -> bool:
    """Whether an environment of this Python, such as `3.12`, runs the stack."""
    return complaint(tuple(int(part) for part in version.split("."))) is None


def _found() -> Optional[str]:
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        name = "python3.%d" % minor
        if shutil.which(name):
            return name
    return None


def _text(version: Tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
