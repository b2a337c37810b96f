"""Loading a function app as the Python worker does: all of it, or nothing of it."""

import importlib
import inspect
import json
import os
import re
import sys
import sysconfig
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from azure.functions import FunctionRegister

from emulators.functions.bindings import Binding, BindingError, resolve_binding, unknown_fields
from emulators.functions.configuration import Configuration
from emulators.functions.failures import message_of
from emulators.functions.retry import RetryPolicy, policy_from_settings
from emulators.functions.signatures import Signature, check_signature

# ScriptHost and FunctionDescriptorProvider of the host.
_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE | re.ASCII)
_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Function:
    """One function of the app. `problem` says why it does not run, if it does not; `warnings` what has no effect."""

    name: str
    handler: Callable[..., Any]
    directory: str
    trigger_name: str
    bindings: tuple[Binding, ...]
    signature: Signature
    retry: RetryPolicy | None
    problem: str | None = field(default=None)
    disabled: bool = field(default=False)
    warnings: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        """The worker's id of a function: stable over restarts and apps."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.name))

    @property
    def trigger(self) -> Binding:
        return next(binding for binding in self.bindings if binding.name == self.trigger_name)

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.handler)


class IndexingError(Exception):
    """The app as a whole cannot be loaded: the real host runs on with 0 functions.

    The message is the worker's; `detail` is the traceback without the loader's own frames.
    """

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail


def use_app_directory(app_dir: Path, launched_from: Path) -> None:
    """Make the app's folder the working directory and the first place to import from, as the worker does.

    The folder that this host was launched from is no longer one: an app must not find modules by accident. Where the
    host is installed, that folder is the library, which an app does import from: it stays, as the last place.
    """
    os.chdir(app_dir)
    kept = [entry for entry in sys.path if entry and Path(entry).resolve() != launched_from.resolve()]
    library = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    last = [str(launched_from)] if launched_from.resolve() in library else []
    sys.path[:] = [str(app_dir), *kept, *last]


def load_app(environment: Mapping[str, str]) -> list[Function]:
    """Import `function_app.py` (or PYTHON_SCRIPT_FILE_NAME) and index it, in alphabetical order.

    Raises IndexingError for what makes the worker report no function at all. A function that cannot run by
    itself (unknown field, missing setting, unsupported type) is returned with its `problem`.
    """
    script = environment.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    try:
        module = importlib.import_module(Path(script).stem)
        return index_app(_register_in(module, script), environment)
    # The worker reports whatever the app raises while it is indexed, and so does this host.
    except Exception as error:
        raise IndexingError(*_report(error)) from error


def index_app(app: FunctionRegister, environment: Mapping[str, str]) -> list[Function]:
    """The functions of an app object. Raises what the worker raises for an app that it refuses."""
    functions = [_index(function) for function in app.get_functions()]
    return [_prepare(function, environment) for function in sorted(functions, key=lambda each: each.name.lower())]


def _register_in(module: Any, script: str) -> FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if not found:
        raise ValueError(f"Could not find top level function app instances in {script}.")
    if len(found) > 1:
        raise ValueError(
            f"More than one {type(found[0]).__name__} or other top level function app instances are defined."
        )
    return found[0]


def _index(function: Any) -> Function:
    name = function.get_function_name()
    handler = function.get_user_function()
    bindings = [Binding.from_json(json.loads(raw)) for raw in function.get_raw_bindings()]
    return Function(
        name=name,
        handler=handler,
        directory=str(Path(inspect.getfile(handler)).parent),
        trigger_name=function.get_trigger().name,
        bindings=tuple(bindings),
        signature=check_signature(name, handler, bindings),
        retry=policy_from_settings(function.get_settings_dict("retry_policy")),
    )


def _prepare(function: Function, environment: Mapping[str, str]) -> Function:
    said = Configuration(environment).get(f"AzureWebJobs.{function.name}.Disabled") or ""
    disabled = said.lower() in ("1", "true")
    function = replace(function, warnings=tuple(text for each in function.bindings for text in unknown_fields(each)))
    try:
        bindings = tuple(resolve_binding(binding, environment) for binding in function.bindings)
    except BindingError as error:
        return replace(function, problem=str(error), disabled=disabled)
    problem = _refused_name(function) or function.signature.unsupported
    if function.trigger.type == "warmupTrigger" and function.name.lower() != "warmup":
        problem = "the host runs a warmup trigger only if the function's name is 'warmup'"
    return replace(function, bindings=bindings, problem=problem, disabled=disabled)


def _refused_name(function: Function) -> str | None:
    """What the host says of names that Python and the library allow, and it does not."""
    if not _FUNCTION_NAME.fullmatch(function.name) or function.name.lower() == "host":
        return f"'{function.name}' is not a valid function name."
    for binding in function.bindings:
        if binding.name != "$return" and not _BINDING_NAME.fullmatch(binding.name):
            return f"The binding name {binding.name} is invalid. Please assign a valid name to the binding."
    return None


def _report(error: Exception) -> tuple[str, str]:
    message = message_of(error)
    if isinstance(error, ImportError):
        message += ". Cannot find module. Please check the requirements.txt file for the missing module."
    own = Path(__file__).parent
    summary = traceback.TracebackException.from_exception(error)
    summary.stack = traceback.StackSummary.from_list(
        frame
        for frame in summary.stack
        if Path(frame.filename).parent != own and not frame.filename.startswith("<frozen importlib")
    )
    return message, "".join(summary.format())
