"""The functions of the dashboard, and of assistants, get here what they need, as those of `wiring` do there."""

import os
from functools import partial
from typing import TYPE_CHECKING, Final

from composition import wiring
from engine.imports import OnFirstUse, imported

if TYPE_CHECKING:
    from api.assistants.functions import AssistantFunctions
    from api.dashboard.files import DashboardFiles
    from api.dashboard.functions import DashboardFunctions


def operators_have_keys() -> bool:
    """Returns whether the host asks for a key before operators reach a function; else the function asks for a role.

    The declarations ask this while function_app.py is imported, when nothing of ours may be loaded, and nothing may
    fail: so it reads the setting itself, whose parser refuses other values at the first invocation.
    """
    return os.environ.get("OPERATORS_SIGN_IN") != "easyauth"


def assistants_may_ask() -> bool:
    """Returns whether there are tools for assistants. The declarations ask this, too, in the same way."""
    return os.environ.get("OPERATORS_TOOLS") == "1"


async def functions() -> "DashboardFunctions":
    """Returns the functions that read and release, which connect on first use."""
    return await _FUNCTIONS.get()


async def files() -> "DashboardFiles":
    """Returns the functions that answer with the page, which connect to nothing."""
    return await _FILES.get()


async def assistants() -> "AssistantFunctions":
    """Returns the functions of assistants, which connect on first use."""
    return await _ASSISTANTS.get()


def _functions() -> "DashboardFunctions":
    from api.dashboard.functions import DashboardFunctions
    from composition.domain import READ_MODELS
    from composition.settings import Settings
    from engine.triggers.operators import Operators

    settings = Settings.from_mapping(os.environ)
    return DashboardFunctions(wiring.services, READ_MODELS, Operators(settings.engine.operators_sign_in))


def _files() -> "DashboardFiles":
    from api.dashboard.files import DashboardFiles

    return DashboardFiles()


def _assistants() -> "AssistantFunctions":
    from api.assistants.functions import AssistantFunctions

    return AssistantFunctions(wiring.services)


_FUNCTIONS: Final = OnFirstUse(partial(wiring.part, _functions))
_FILES: Final = imported(_files)
_ASSISTANTS: Final = OnFirstUse(partial(wiring.part, _assistants))
