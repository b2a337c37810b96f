"""A `Reader` answers one kind of what the page asks for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from engine.services import Services
from engine.triggers.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Reader:
    """`what` is its name in the route, `shape` the type of its JSON.

    `read` takes its parameters from the query string. It raises BadRequest, and UnknownStream for what is not there.
    """

    what: str
    shape: Any
    read: Callable[[Services, func.HttpRequest], Awaitable[Mapping[str, Any]]]
    parameters: tuple[Parameter, ...] = ()
