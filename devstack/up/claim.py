"""Who runs over a data folder, held by locks of the kernel: they vanish with their process, however it ends.

Two locks, since a supervisor may be killed while its services still wind up:

- the supervisor holds the file `stack.json`, which also describes what runs;
- the supervisor and its services together hold the folder itself: the services inherit the open folder.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import Callable, Dict, Optional

from devstack.up import data_folder
from devstack.up.errors import StackError

_FILE = "stack.json"
_TICK = 0.02  # seconds between two looks at a lock that another process holds
_PASSING = 0.5  # seconds that a look of another command, or the first line of another supervisor, may take


@dataclass
class Running:
    """One service that runs."""

    pid: int
    url: Optional[str] = None


@dataclass
class Stack:
    """What runs over a data folder; `elsewhere` are settings by which its environment leads past its services."""

    pid: int
    ready: bool = False
    services: Dict[str, Running] = field(default_factory=dict)
    elsewhere: Dict[str, str] = field(default_factory=dict)


class Claim:
    """The right to run over, or to remove, a data folder. A context manager that gives it back."""

    def __init__(self, file: int, folder: int) -> None:
        self._file = file
        self._folder = folder

    @classmethod
    def take(cls, folder: str, waiting: Callable[[], None], patience: float = 20.0) -> "Claim":
        """Claim the data folder `folder`.

        Where services of a killed stack still wind up, `waiting` is called and they get `patience` seconds.
        Raises StackError when a stack runs, and when they take longer.
        """
        path = os.path.join(folder, _FILE)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock_file(file, folder)
            if not (os.path.exists(path) and os.path.samestat(os.fstat(file), os.stat(path))):
                raise StackError("%s was removed at this moment; run this again" % data_folder.shown(folder))
            directory = os.open(folder, os.O_RDONLY)
        except BaseException:
            os.close(file)
            raise
        claim = cls(file, directory)
        try:
            claim.publish(Stack(os.getpid()))
            _lock_folder(directory, folder, waiting, patience)
        except BaseException:
            claim.release()
            raise
        return claim

    @property
    def inheritance(self) -> int:
        """The descriptor that the services keep open as long as they live."""
        return self._folder

    def publish(self, stack: Stack) -> None:
        content = json.dumps(asdict(stack)).encode()
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))

    def release(self) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._folder)
        os.close(self._file)

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


def running(folder: str) -> Optional[Stack]:
    """The stack that runs over `folder`, None if none does."""
    try:
        file = os.open(os.path.join(folder, _FILE), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        while not _try_lock(file, fcntl.LOCK_SH):
            stack = _read(file)
            if stack is not None:
                return stack
            time.sleep(_TICK)
        return None
    finally:
        os.close(file)


def wait_until_ended(folder: str, patience: float) -> bool:
    """Whether the stack over `folder` ended within `patience` seconds."""
    deadline = time.monotonic() + patience
    while running(folder) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK)
    return True


def _lock_file(file: int, folder: str) -> None:
    deadline = time.monotonic() + _PASSING
    while not _try_lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            stack = _read(file)
            raise StackError(
                "a stack already runs over %s%s; `python -m devstack down` stops it, "
                "DEVSTACK_DATA=<folder> and other ports start one beside it"
                % (data_folder.shown(folder), " (pid %d)" % stack.pid if stack else "")
            )
        time.sleep(_TICK)


def _lock_folder(directory: int, folder: str, waiting: Callable[[], None], patience: float) -> None:
    if _try_lock(directory, fcntl.LOCK_EX):
        return
    waiting()
    deadline = time.monotonic() + patience
    while not _try_lock(directory, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise StackError(
                "services of an earlier stack still hold %s; end those processes, then run this again"
                % data_folder.shown(folder)
            )
        time.sleep(_TICK)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int) -> Optional[Stack]:
    """What the holder of the lock wrote; None while it has not yet, or is about to."""
    try:
        content = json.loads(os.pread(file, 65536, 0).decode())
    except ValueError:
        return None
    services = {name: Running(**service) for name, service in content["services"].items()}
    return Stack(content["pid"], content["ready"], services, content.get("elsewhere", {}))
