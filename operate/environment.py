"""A command runs with these settings, and knows where each connection comes from."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operate.failure import CommandFailed
from operate.stack import running_stack

FILE: Final = "local.settings.json"

_DEFAULT_PORT: Final = 7071

FROM_ENVIRONMENT: Final = "environment"
FROM_STACK: Final = "the stack that runs here"

CONNECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "COSMOS": ("COSMOS", "COSMOS__accountEndpoint", "COSMOS__clientId"),
    "SERVICEBUS": ("SERVICEBUS", "SERVICEBUS__fullyQualifiedNamespace", "SERVICEBUS__clientId"),
}
"""Each connection is named by these settings: those of one source count together, and no others."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Holds settings; `sources` says who names each connection, `functions` is the URL of the stack that runs here."""

    settings: Mapping[str, str]
    sources: Mapping[str, str]
    functions: str | None = None

    @property
    def api(self) -> str:
        """Returns where the functions are: those of the stack that runs here, else where one would start them."""
        port = self.settings.get("DEVSTACK_FUNCTIONS_PORT", "")
        default = f"http://localhost:{port if port.isdecimal() and int(port) else _DEFAULT_PORT}"
        return f"{self.functions or default}/api"

    @property
    def source_of_api(self) -> str:
        """Says who names them."""
        return "where `make run` starts it" if self.functions is None else FROM_STACK


def environment(root: Path, *, with_functions: bool = False) -> Environment:
    """Gives what the environment names; then, of connections, what leads to the stack that runs here; then the file's.

    `with_functions`: the URL of the functions is wanted, too. Raises CommandFailed for a file that cannot be read.
    """
    own: Mapping[str, str] = dict(os.environ)
    filed = file_settings(root)
    settings, sources = {**filed, **own}, {}
    # Whoever names both connections has said all that a stack could: to ask it costs a process.
    asks = with_functions or not all(_names(own, each) for each in CONNECTIONS)
    stack = running_stack(root) if asks else None
    for connection, names in CONNECTIONS.items():
        if _names(own, connection):
            chosen, sources[connection] = own, FROM_ENVIRONMENT
        elif stack is not None and connection in stack.settings:
            chosen, sources[connection] = stack.settings, FROM_STACK
        else:
            chosen, sources[connection] = filed, FILE
            if stack is not None and connection in stack.elsewhere:
                sources[connection] += f"; {FROM_STACK} has {stack.elsewhere[connection]} from its environment"
        for name in names:
            settings.pop(name, None)
            if name in chosen:
                settings[name] = chosen[name]
    return Environment(settings, sources, None if stack is None else stack.functions)


def of_no_account() -> Mapping[str, str]:
    """Gives the environment without all that names an account, a stack or a collector: for processes with their own."""
    named = ("COSMOS", "SERVICEBUS", "DEVSTACK_", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(named)}


def own_setting(name: str) -> str:
    """Gives what the environment says, whatever a stack or the file has; empty if that is nothing."""
    return os.environ.get(name, "")


def file_settings(root: Path) -> Mapping[str, str]:
    """Reads `Values` of local.settings.json; empty where there is no file. Raises CommandFailed for another form."""
    try:
        content = json.loads((root / FILE).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CommandFailed(f"{FILE}, {place}: {error.msg}; {_REMEDY}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{FILE} cannot be read: {error}; {_REMEDY}") from error
    values = content.get("Values", {}) if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise CommandFailed(f'{FILE} is not of the form {{"Values": {{…}}}}; {_REMEDY}')
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


_REMEDY: Final = "correct it, or delete it and run `make setup`"


def _names(settings: Mapping[str, str], connection: str) -> bool:
    """Tells whether an account is named; an empty value names nothing."""
    connection_string, address, _ = CONNECTIONS[connection]
    return bool(settings.get(connection_string) or settings.get(address))
