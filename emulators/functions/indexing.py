"""The functions of an app as the host runs them: what an engine has loaded, with the settings put in."""

import json
import os
import re
import sys
import sysconfig
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from azure.functions import FunctionRegister

from emulators.functions.bindings import Binding, BindingError, resolve_binding, unknown_fields
from emulators.functions.configuration import Configuration
from emulators.functions.engine import Body, Engine, Indexed, IndexingError
from emulators.functions.retry import RetryPolicy

# ScriptHost and FunctionDescriptorProvider of the host.
_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE | re.ASCII)
_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}", re.ASCII)


@dataclass(frozen=True)
class Function:
    """One function of the app. `problem` says why it does not run, if it does not; `warnings` what has no effect."""

    name: str
    body: Body
    trigger_name: str
    bindings: tuple[Binding, ...]
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


def load_app(engine: Engine, environment: Mapping[str, str]) -> list[Function]:
    """Import `function_app.py` (or PYTHON_SCRIPT_FILE_NAME) and index it, in alphabetical order.

    Raises IndexingError for what makes the worker report no function at all. A function that cannot run by
    itself (unknown field, missing setting, unsupported type) is returned with its `problem`.
    """
    try:
        indexed = engine.load(environment.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py"))
    except IndexingError:
        raise
    # The worker reports whatever the app raises while it is indexed, and so does this host.
    except Exception as error:
        raise IndexingError.of(error, ()) from error
    return _prepared(indexed, environment)


def index_app(engine: Engine, app: FunctionRegister, environment: Mapping[str, str]) -> list[Function]:
    """The functions of an app object. Raises what the worker raises for an app that it refuses."""
    return _prepared(engine.index(app), environment)


def _prepared(indexed: Iterable[Indexed], environment: Mapping[str, str]) -> list[Function]:
    return [_prepare(each, environment) for each in sorted(indexed, key=lambda each: each.name.lower())]


def _prepare(indexed: Indexed, environment: Mapping[str, str]) -> Function:
    bindings = tuple(Binding.from_json(json.loads(raw)) for raw in indexed.raw_bindings)
    said = Configuration(environment).get(f"AzureWebJobs.{indexed.name}.Disabled") or ""
    function = Function(
        name=indexed.name,
        body=indexed.body,
        trigger_name=indexed.trigger_name,
        bindings=bindings,
        retry=indexed.retry,
        disabled=said.lower() in ("1", "true"),
        warnings=tuple(text for each in bindings for text in unknown_fields(each)),
    )
    try:
        resolved = tuple(resolve_binding(binding, environment) for binding in bindings)
    except BindingError as error:
        return replace(function, problem=str(error))
    problem = _refused_name(function) or indexed.unsupported
    if function.trigger.type == "warmupTrigger" and function.name.lower() != "warmup":
        problem = "the host runs a warmup trigger only if the function's name is 'warmup'"
    return replace(function, bindings=resolved, problem=problem)


def _refused_name(function: Function) -> str | None:
    """What the host says of names that Python and the library allow, and it does not."""
    if not _FUNCTION_NAME.fullmatch(function.name) or function.name.lower() == "host":
        return f"'{function.name}' is not a valid function name."
    for binding in function.bindings:
        if binding.name != "$return" and not _BINDING_NAME.fullmatch(binding.name):
            return f"The binding name {binding.name} is invalid. Please assign a valid name to the binding."
    return None
