"""The virtual environment `.venv`, as requirements*.txt describe it.

A stamp inside says what it was made from, so that a repeated run is a comparison and calls neither venv nor pip. One of
another Python that runs the stack is kept: a second terminal, whose `python3` is another one, leaves it alone.
"""

import fcntl
import glob
import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, Optional

from devstack.up import python_version
from devstack.up.console import Console
from devstack.up.errors import StackError
from devstack.up.installer import FOLDER, create_venv, install_requirements, interpreter

_STAMP = "devstack-stamp.json"


def prepare(
    root: str,
    console: Console,
    create: Callable[[str], None] = create_venv,
    install: Callable[[str, Console], None] = install_requirements,
    insist: bool = False,
) -> None:
    """Create `.venv` and install into it what is not as the stamp says.

    `insist` wants the Python that runs this. Raises StackError, also instead of replacing what a stack runs on.
    """
    warning = python_version.warning(sys.version_info[:2])
    if warning:
        console.say(warning)
    # `make test` may start while `make run` sets up: they take turns, and the lock leaves no file behind.
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("waiting for another set-up of this folder to end")
            fcntl.flock(folder, fcntl.LOCK_EX)
        _prepare(root, console, create, install, insist)
    finally:
        os.close(folder)


@contextmanager
def in_use(root: str) -> Iterator[None]:
    """For the length of a block, `.venv` is not replaced by anybody."""
    venv = os.open(os.path.join(root, FOLDER), os.O_RDONLY)
    try:
        fcntl.flock(venv, fcntl.LOCK_SH)
        yield
    finally:
        os.close(venv)


def _prepare(
    root: str,
    console: Console,
    create: Callable[[str], None],
    install: Callable[[str, Console], None],
    insist: bool,
) -> None:
    venv = os.path.join(root, FOLDER)
    stamp = os.path.join(venv, _STAMP)
    found = _read(stamp)
    wanted = _wanted(root, None if insist else _python_of(root, found))
    if found == wanted and os.path.exists(interpreter(root)):
        return

    if not _reusable(root, found, wanted):
        if os.path.islink(venv):
            raise StackError(
                "%s is a link to %s, which is no environment for this project: remove the link"
                % (FOLDER, wanted["folder"])
            )
        _require_unused(venv)
        done = (
            "replacing %s, which is broken or of another Python or folder," if os.path.exists(venv) else "creating %s"
        )
        console.say((done + " with Python %s") % (FOLDER, wanted["python"]))
        create(venv)
    if os.path.exists(stamp):
        os.remove(stamp)
    install(root, console)
    with open(stamp, "w") as file:
        json.dump(wanted, file)


def _require_unused(venv: str) -> None:
    if not os.path.isdir(venv):
        return
    folder = os.open(venv, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StackError(
            "a stack runs on %s, which is of another Python: stop it first (Ctrl-C there, or python -m devstack down)"
            % FOLDER
        ) from None
    finally:
        os.close(folder)


def _wanted(root: str, python: Optional[str]) -> Dict[str, str]:
    """`python` is the version to stay with, None for the one that runs this."""
    digest = hashlib.sha256()
    for path in sorted(glob.glob(os.path.join(glob.escape(root), "requirements*.txt"))):
        with open(path, "rb") as file:
            digest.update(os.path.basename(path).encode() + b"\0" + file.read() + b"\0")
    return {
        # Scripts in .venv/bin hold its absolute path: a copied or moved environment is made anew, a linked one is not.
        "folder": os.path.realpath(os.path.join(root, FOLDER)),
        "python": python or "%d.%d" % sys.version_info[:2],
        "requirements": digest.hexdigest(),
    }


def _read(stamp: str) -> Dict[str, str]:
    try:
        with open(stamp) as file:
            content = json.load(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _reusable(root: str, found: Dict[str, str], wanted: Dict[str, str]) -> bool:
    """Whether pip can bring the environment up to date; an environment made by hand has no stamp."""
    if found and (found.get("folder"), found.get("python")) != (wanted["folder"], wanted["python"]):
        return False
    return _asked(root) == wanted["python"]


def _python_of(root: str, found: Dict[str, str]) -> Optional[str]:
    """The version of the environment that is there, if it runs the stack."""
    version = found.get("python") or _asked(root)
    return version if version and python_version.is_supported(version) else None


def _asked(root: str) -> str:
    """What the environment's own Python says of its version; empty for one that is broken, or has no pip."""
    question = [interpreter(root), "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return answer.stdout.decode().strip()
