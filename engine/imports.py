"""Imports on first use. They run in a thread: they would hold up the loop that all invocations of the process share."""

import asyncio
import gc
import importlib
import threading
from types import ModuleType
from typing import Final

_importing: Final = threading.Lock()


async def imported(name: str) -> ModuleType:
    """The module `name`, after one import at a time. Raises whatever the import raises."""
    return await asyncio.to_thread(_import, name)


def _import(name: str) -> ModuleType:
    # Two threads that import modules which import each other may meet half a module: one at a time.
    with _importing:
        collects = gc.isenabled()
        # Imports make objects that stay: looking for garbage among them took a tenth of their processor time.
        gc.disable()
        try:
            return importlib.import_module(name)
        finally:
            if collects:
                gc.enable()
