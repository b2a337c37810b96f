"""The checks of the Python worker between a function's bindings and its signature.

The messages are the worker's. Each of them makes the whole app vanish: the real host then runs on with
0 functions.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions import DataType
from azure.functions._thirdparty import typing_inspect

from emulators.functions import extensions
from emulators.functions.bindings import Binding
from emulators.functions.converters import converter_of, has_implicit_output


class SignatureError(RuntimeError):
    """The worker's FunctionLoadError."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"cannot load the {function} function: {reason}")


@dataclass(frozen=True)
class Signature:
    """Which converter each parameter goes through, as the worker decides it from binding and annotation.

    `unsupported` names what the worker serves through an extension package, and this host does not.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    returns: str | None
    requires_context: bool
    unsupported: str | None = None


def check_signature(function: str, handler: Callable[..., Any], bindings: list[Binding]) -> Signature:
    """Match the parameters of a handler with its bindings. Raises SignatureError."""
    parameters = set(inspect.signature(handler).parameters)
    annotations = typing.get_type_hints(handler)
    for binding in bindings:
        _check_direction(function, binding)
    bound = {binding.name: binding for binding in bindings if binding.name != "$return"}

    requires_context = "context" in parameters and "context" not in bound
    if requires_context:
        parameters.discard("context")
        annotation = annotations.get("context")
        if annotation is not None and getattr(annotation, "__name__", "") != "Context":
            raise SignatureError(
                function,
                f'the "context" parameter is expected to be of type azure.functions.Context, got {annotation!r}',
            )
    unbound = parameters - set(bound)
    settling = next(iter(unbound)) if len(unbound) == 1 else None
    if settling is not None and extensions.is_settlement_client(annotations.get(settling)):
        parameters.discard(settling)
    else:
        settling = None
    if parameters - set(bound):
        raise SignatureError(
            function,
            f"the following parameters are declared in Python but not in function.json: {parameters - set(bound)!r}",
        )
    if set(bound) - parameters:
        raise SignatureError(
            function,
            f"the following parameters are declared in function.json but not in Python: {set(bound) - parameters!r}",
        )
    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for name, binding in bound.items():
        side = outputs if binding.direction == "OUT" else inputs
        side[name] = _converter_name(function, binding, annotations)
    returns = _return_converter(function, bindings, annotations)
    return Signature(inputs, outputs, returns, requires_context, _unsupported(bindings, annotations, settling))


def _check_direction(function: str, binding: Binding) -> None:
    if binding.direction == "INOUT":
        raise SignatureError(function, '"inout" bindings are not supported')
    if binding.name == "$return" and binding.direction != "OUT":
        raise SignatureError(function, '"$return" binding must have direction set to "out"')


def _unsupported(bindings: list[Binding], annotations: dict[str, Any], settling: str | None) -> str | None:
    if extensions.streams_http() and any(binding.type == "httpTrigger" for binding in bindings):
        return extensions.STREAMS_REFUSED
    if settling is not None:
        return extensions.sdk_type_refused(settling, annotations[settling])
    of_sdks = (each.name for each in bindings if extensions.is_sdk_type(annotations.get(each.name)))
    return next((extensions.sdk_type_refused(name, annotations[name]) for name in of_sdks), None)


def _converter_name(function: str, binding: Binding, annotations: dict[str, Any]) -> str:
    if binding.name not in annotations:
        return binding.type
    annotation = annotations[binding.name]
    if extensions.is_sdk_type(annotation):
        if not extensions.takes_sdk_type(binding.type, annotation):
            raise _mismatch(function, binding, annotation)
        return binding.type
    is_out = _is_out(annotation)
    python_type = _argument_of_out(function, binding.name, annotation) if is_out else annotation
    if not isinstance(python_type, type) and not _is_generic(python_type):
        raise SignatureError(function, f"binding {binding.name} has invalid non-type annotation {annotation!r}")
    if binding.direction == "OUT" and not is_out:
        raise SignatureError(
            function,
            f'binding {binding.name} is declared to have the "out" direction, but its annotation in Python '
            "is not a subclass of azure.functions.Out",
        )
    if binding.direction != "OUT" and is_out:
        raise SignatureError(
            function,
            f'binding {binding.name} is declared to have the "in" direction in function.json, but its '
            "annotation is azure.functions.Out in Python",
        )
    plain = python_type in (str, bytes) and not has_implicit_output(binding.type)
    name = "generic" if plain else binding.type
    converter = converter_of(name)
    check = converter.check_output_type_annotation if is_out else converter.check_input_type_annotation
    if extensions.streams_http() and name in ("httpTrigger", "http"):
        check = extensions.is_streamed_response if is_out else extensions.is_streamed_request
    if not check(python_type):
        raise _mismatch(function, binding, python_type)
    return name


def _mismatch(function: str, binding: Binding, python_type: Any) -> SignatureError:
    annotation = getattr(python_type, "__name__", python_type)
    data_type = None if binding.data_type is None else DataType[binding.data_type].value
    if data_type == DataType.UNDEFINED.value:
        reason = f'type of {binding.name} binding in function.json "{binding.type}" does not match its Python'
        return SignatureError(function, f'{reason} annotation "{annotation}"')
    return SignatureError(
        function,
        f'{binding.name!r} binding type "{binding.type}" and dataType "{data_type}" in function.json do not match the '
        f'corresponding function parameter\'s Python type annotation "{annotation}"',
    )


def _is_generic(annotation: Any) -> bool:
    """The worker carries the same helper: `List[X]` is generic for it, `list[X]` and `Optional[X]` are not."""
    return bool(typing_inspect.is_generic_type(annotation))  # type: ignore[no-untyped-call]


def _is_out(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) if _is_generic(annotation) else None
    return getattr(origin or annotation, "__name__", "") == "Out"


def _argument_of_out(function: str, name: str, annotation: Any) -> Any:
    arguments = typing.get_args(annotation)
    if len(arguments) != 1:
        raise SignatureError(function, f"binding {name} has invalid Out annotation {annotation!r}")
    return arguments[0]


def _return_converter(function: str, bindings: list[Binding], annotations: dict[str, Any]) -> str | None:
    explicit = next((binding for binding in bindings if binding.name == "$return"), None)
    if explicit is None:
        return next((binding.type for binding in bindings if has_implicit_output(binding.type)), None)
    if "return" in annotations:
        returned = annotations["return"]
        if not isinstance(returned, type):
            raise SignatureError(function, f"has invalid non-type return annotation {returned!r}")
        check = converter_of(explicit.type).check_output_type_annotation
        if extensions.streams_http() and explicit.type == "http":
            check = extensions.is_streamed_response
        if not check(returned):
            raise SignatureError(
                function,
                f'Python return annotation "{returned.__name__}" does not match binding type "{explicit.type}"',
            )
    return explicit.type
