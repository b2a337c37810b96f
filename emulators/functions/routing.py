"""Routes of HTTP functions: templates of ASP.NET Core, as the host matches them."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][\w.-]*)((?::[^{}:()]+(?:\([^()]*\))?)*)(\?|=[^{}]*)?\}")
_CONSTRAINT = re.compile(r":([^:()]+)(?:\(([^()]*)\))?")


class RouteError(ValueError):
    """A route template that ASP.NET Core refuses, and with it the real host its start; the message quotes it."""


class RouteUnsupportedError(Exception):
    """A route template that is not supported here; the message quotes it."""


@dataclass(frozen=True)
class _Parameter:
    name: str
    constraints: tuple[Callable[[str], bool], ...]
    catch_all: bool
    optional: bool
    default: str | None


@dataclass(frozen=True)
class _Segment:
    """`parts` alternates texts and parameters; one text or one parameter in most templates."""

    parts: tuple[str | _Parameter, ...]

    @property
    def parameter(self) -> _Parameter | None:
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, _Parameter) else None

    @property
    def precedence(self) -> int:
        """RoutePrecedence of ASP.NET Core for incoming requests: the smaller digit is tried first."""
        parameter = self.parameter
        if parameter is None:
            return 1 if isinstance(self.parts[0], str) and len(self.parts) == 1 else 2
        if parameter.catch_all:
            return 4 if parameter.constraints else 5
        return 2 if parameter.constraints else 3

    def match(self, text: str) -> dict[str, str] | None:
        """The values of the parameters in one segment of a path; literals ignore case."""
        pattern = "".join(re.escape(part) if isinstance(part, str) else "(.+)" for part in self.parts)
        found = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)
        if found is None:
            return None
        parameters = [part for part in self.parts if isinstance(part, _Parameter)]
        values = {parameter.name: value for parameter, value in zip(parameters, found.groups(), strict=True)}
        if not all(check(values[parameter.name]) for parameter in parameters for check in parameter.constraints):
            return None
        return values


@dataclass(frozen=True)
class Route:
    """A template and what it leads to. `methods` is None for all methods."""

    template: str
    methods: frozenset[str] | None
    target: str
    segments: tuple[_Segment, ...]

    @staticmethod
    def parse(template: str, methods: Iterable[str] | None, target: str) -> "Route":
        """Raises RouteError for a template that is malformed or uses an unknown constraint.

        One separator at the start does not count, one at the end neither; there is nothing between two.
        """
        if template.startswith("~") and not template.startswith("~/"):
            raise RouteError(_refused(template, "The route template cannot start with a '~' character."))
        texts = template.removeprefix("~").removeprefix("/").removesuffix("/").split("/")
        if texts == [""]:
            texts = []
        if "" in texts:
            raise RouteError(
                _refused(
                    template,
                    "The route template separator character '/' cannot appear consecutively. It must be separated by "
                    "either a parameter or a literal value.",
                )
            )
        segments = tuple(_parse_segment(text, template) for text in texts)
        names = [part.name.lower() for each in segments for part in each.parts if isinstance(part, _Parameter)]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise RouteError(
                _refused(template, f"The route parameter name '{repeated}' appears more than one time in the template.")
            )
        for segment in segments[:-1]:
            parameter = segment.parameter
            if parameter is not None and parameter.catch_all:
                raise RouteError(
                    _refused(template, "A catch-all parameter can only appear as the last segment of the template.")
                )
        allowed = None if methods is None else frozenset(method.upper() for method in methods)
        return Route(template, allowed, target, segments)

    @property
    def precedence(self) -> tuple[int, ...]:
        return tuple(segment.precedence for segment in self.segments)

    def match(self, path: list[str]) -> dict[str, str] | None:
        """The route parameters for the decoded segments of a path, or None."""
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            parameter = segment.parameter
            if parameter is not None and parameter.catch_all:
                rest = "/".join(path[index:])
                if rest:
                    values[parameter.name] = rest
                elif parameter.default is not None:
                    values[parameter.name] = parameter.default
                return values if not rest or all(check(rest) for check in parameter.constraints) else None
            if index >= len(path):
                if parameter is None or not (parameter.optional or parameter.default is not None):
                    return None
                if parameter.default is not None:
                    values[parameter.name] = parameter.default
                continue
            found = segment.match(path[index])
            if found is None:
                return None
            values |= found
        return values if len(path) <= len(self.segments) else None


class Router:
    """Finds the function for a request. A route whose methods do not fit is passed over, so 405 never occurs."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: route.precedence)

    def find(self, method: str, raw_path: str) -> tuple[str, dict[str, str]] | None:
        """The target and the route parameters for a method and the path as it came, percent-encoded."""
        path = split_path(raw_path)
        for route in self._routes:
            if route.methods is None or method.upper() in route.methods:
                values = route.match(path)
                if values is not None:
                    return route.target, values
        return None


def split_path(raw_path: str) -> list[str]:
    """The decoded segments of a path; one slash at the end does not count.

    Kestrel decodes a path, UTF-8 included, but leaves `%2F` as it is.
    """
    path = raw_path.removeprefix("/").removesuffix("/")
    return [_decode(segment) for segment in path.split("/")] if path else []


def _decode(segment: str) -> str:
    pieces = re.split(r"(%2[Ff])", segment)
    return "".join(piece if piece.upper() == "%2F" else unquote(piece) for piece in pieces)


def _parse_segment(text: str, template: str) -> _Segment:
    parts: list[str | _Parameter] = []
    end = 0
    for match in _PARAMETER.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(_parse_parameter(match, template))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    if any(isinstance(part, str) and set(part) & set("{}*?") for part in parts):
        raise RouteError(_refused(template, f"The segment '{text}' cannot be read."))
    if len(parts) > 1 and any(
        isinstance(part, _Parameter) and (part.catch_all or part.optional or part.default is not None) for part in parts
    ):
        raise RouteUnsupportedError(
            f"route {template!r}: optional and catch-all parameters inside {text!r} are not supported by devstack"
        )
    return _Segment(tuple(parts))


def _parse_parameter(match: re.Match[str], template: str) -> _Parameter:
    stars, name, constraints, ending = match.groups()
    return _Parameter(
        name=name,
        constraints=tuple(_constraint(kind, argument, template) for kind, argument in _CONSTRAINT.findall(constraints)),
        catch_all=bool(stars),
        optional=ending == "?",
        default=ending[1:] if ending and ending != "?" else None,
    )


def _constraint(kind: str, argument: str, template: str) -> Callable[[str], bool]:
    try:
        if kind in _PLAIN_CONSTRAINTS:
            return _PLAIN_CONSTRAINTS[kind]
        if kind == "regex":
            pattern = re.compile(argument, re.IGNORECASE)
            return lambda text: pattern.search(text) is not None
        if kind not in _NUMERIC_CONSTRAINTS:
            raise RouteError(_refused(template, f"The constraint reference '{kind}' could not be resolved to a type."))
        numbers = [int(part) for part in argument.split(",")]
        return _NUMERIC_CONSTRAINTS[kind](numbers)
    except RouteError:
        raise
    except (ValueError, IndexError, re.error) as error:
        raise RouteError(_refused(template, f"The constraint {kind}({argument}) is malformed.")) from error


def _refused(template: str, reason: str) -> str:
    return f"An error occurred while creating the route with template '{template}'. {reason}"


def _is_integer(bits: int) -> Callable[[str], bool]:
    bound = 2 ** (bits - 1)
    return lambda text: re.fullmatch(r"\s*[+-]?\d+\s*", text, re.ASCII) is not None and -bound <= int(text) < bound


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_float(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None


def _as_integer(text: str) -> int | None:
    return int(text) if _is_integer(64)(text) else None


def _in_range(low: int | None, high: int | None) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        value = _as_integer(text)
        return value is not None and (low is None or value >= low) and (high is None or value <= high)

    return check


_PLAIN_CONSTRAINTS: Mapping[str, Callable[[str], bool]] = {
    "int": _is_integer(32),
    "long": _is_integer(64),
    "bool": lambda text: text.lower() in ("true", "false"),
    "guid": _is_guid,
    "alpha": lambda text: re.fullmatch(r"[A-Za-z]*", text) is not None,
    "decimal": _is_float,
    "double": _is_float,
    "float": _is_float,
    "datetime": _is_datetime,
    "required": lambda text: bool(text),
}
_NUMERIC_CONSTRAINTS: Mapping[str, Callable[[list[int]], Callable[[str], bool]]] = {
    "length": lambda bounds: lambda text: bounds[0] <= len(text) <= bounds[-1],
    "minlength": lambda bounds: lambda text: len(text) >= bounds[0],
    "maxlength": lambda bounds: lambda text: len(text) <= bounds[0],
    "min": lambda bounds: _in_range(bounds[0], None),
    "max": lambda bounds: _in_range(None, bounds[0]),
    "range": lambda bounds: _in_range(bounds[0], bounds[1]),
}
