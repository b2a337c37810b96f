"""Which engine runs an app: this package's own, or Microsoft's, which takes a Python of 3.13 or newer."""

import os
import platform
from importlib import metadata

from emulators.functions.engine import Engine
from emulators.functions.own_engine import OwnEngine, thread_count

OWN, OFFICIAL = "own", "official"
NAMES = (OWN, OFFICIAL)
DISTRIBUTION, VERSION = "azure-functions-runtime", "1.3.0"


class EngineMissingError(Exception):
    """The engine that was asked for is not here; the message says what to do."""


def choose(asked: str | None) -> str:
    """The engine that was asked for; if none was, the official one where it is. Raises EngineMissingError."""
    found = _installed()
    if asked == OFFICIAL and found != VERSION:
        here = "it is not installed" if found is None else f"{found} is installed"
        raise EngineMissingError(
            f"--engine {OFFICIAL} needs {DISTRIBUTION} {VERSION}, and {here}; under Python 3.13 or newer (this is "
            f"{platform.python_version()}) `pip install {DISTRIBUTION}=={VERSION}`, or take --engine {OWN}"
        )
    return asked or (OFFICIAL if found == VERSION else OWN)


def open_engine(name: str) -> Engine:
    """An engine that `choose` has chosen, with as many threads as the environment says."""
    if name == OWN:
        return OwnEngine(thread_count(os.environ))
    # It may not be here.
    from emulators.functions.azure_functions_runtime import OfficialEngine

    return OfficialEngine()


def _installed() -> str | None:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
