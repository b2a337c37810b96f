"""The routes of an app: those of its HTTP functions under the prefix of host.json."""

from collections.abc import Iterable
from dataclasses import replace

from emulators.functions.indexing import Function
from emulators.functions.routing import Route, RouteError, RouteUnsupportedError


def template_of(function: Function, prefix: str) -> str:
    """The template of one function. The prefix is set before the route as it stands: neither is tidied up."""
    route = str(function.trigger.fields.get("route") or function.name)
    return f"{prefix}/{route}" if prefix else route


def checked_routes(functions: Iterable[Function], prefix: str) -> list[Function]:
    """The functions; one whose route is not supported here has a problem.

    Raises RouteError, which names the function, for a route that stops the real host at its start.
    """
    return [_checked(function, prefix) if _has_route(function) else function for function in functions]


def routes_of(functions: Iterable[Function], prefix: str) -> list[Route]:
    """The routes of functions that were checked."""
    return [_route(function, prefix) for function in functions if _has_route(function)]


def _has_route(function: Function) -> bool:
    return function.trigger.type == "httpTrigger" and not function.disabled


def _checked(function: Function, prefix: str) -> Function:
    try:
        Route.parse(template_of(function, prefix), None, function.name)
    except RouteUnsupportedError as error:
        return replace(function, problem=function.problem or str(error))
    except RouteError as error:
        raise RouteError(f"the '{function.name}' function: {error}") from error
    return function


def _route(function: Function, prefix: str) -> Route:
    methods = function.trigger.fields.get("methods")
    try:
        return Route.parse(template_of(function, prefix), methods, function.name)
    except RouteUnsupportedError:
        # It answers with its problem at its own name.
        return Route.parse(f"{prefix}/{function.name}" if prefix else function.name, methods, function.name)
