"""The engine of a test. A module whose tests run functions has the mark `usefixtures("engine")`: they run once on each.

Each that can be had with this Python, that is.
"""

from functools import cache

from emulators.functions.engine import Engine
from emulators.functions.engines import NAMES, OFFICIAL, EngineMissingError, choose, open_engine

_chosen: list[str] = []


def _is_here(name: str) -> bool:
    try:
        choose(name)
    except EngineMissingError:
        return False
    return True


HERE = tuple(name for name in NAMES if _is_here(name))


def use(name: str) -> None:
    """Have the tests from here on run on an engine."""
    _chosen[:] = [name]


def stop_using() -> None:
    _chosen.clear()


def chosen() -> str:
    """The name of the engine of the test that runs."""
    assert _chosen, "a module whose tests run functions has the mark usefixtures('engine')"
    return _chosen[0]


def engine() -> Engine:
    """The engine of the test that runs; a process has one of each, as a host has."""
    return _opened(chosen())


def told(error: Exception) -> str:
    """The message of an invocation that failed with an error: the runtime's entry gives its `repr`."""
    return repr(error) if chosen() == OFFICIAL else f"{type(error).__name__}: {error}"


_opened = cache(open_engine)
