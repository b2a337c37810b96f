"""Keys of functions, enforced only with --enable-auth; as under `func start` they are not asked for otherwise."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from emulators.functions.data_folder import DataFolderError

_FILE = "keys.json"
_MEND = 'write a key of one function as "functions": {"its name": "its key"}, or delete the file for new keys'
# The host makes such a key for each extension that has an endpoint of its own.
_SYSTEM_KEYS = ("mcp_extension",)


@dataclass(frozen=True)
class Keys:
    """The master key opens everything, the host's default key every function of level FUNCTION.

    A key of the system opens the endpoint of the extension that it is called after.
    """

    master: str
    default: str
    functions: Mapping[str, str]
    system: Mapping[str, str] = field(default_factory=dict)

    def permit(self, request: web.BaseRequest, level: str, function: str | None = None) -> bool:
        """Whether the request's `x-functions-key` header or `code` parameter is good enough for a level."""
        if level == "ANONYMOUS":
            return True
        allowed = [self.master]
        if level == "FUNCTION":
            allowed.append(self.default)
            if function is not None and function in self.functions:
                allowed.append(self.functions[function])
        return _is_sent(request, allowed)

    def permit_system(self, request: web.BaseRequest, name: str) -> bool:
        """Whether the request has the key of the system of this name, or the master key."""
        return _is_sent(request, [self.master, *(key for each, key in self.system.items() if each == name)])


def read_keys(data_dir: Path) -> Keys:
    """The keys of a data folder. Raises DataFolderError for a file that somebody broke."""
    path = data_dir / _FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        own, system = dict(content.get("functions", {})), dict(content.get("systemKeys", {}))
        keys = Keys(content["masterKey"], content["functionKeys"]["default"], own, system)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataFolderError(f"{path} is not as it was made ({type(error).__name__}): {_MEND}") from error
    for key in (keys.master, keys.default, *own.values(), *system.values()):
        if not isinstance(key, str) or not key:
            raise DataFolderError(f"{path} has a key that is no text: {_MEND}")
    return keys


def ensure_keys(data_dir: Path) -> Path:
    """Make keys for a data folder that has none; returns the file, so that a person can be pointed to it.

    Raises DataFolderError for a file that somebody broke.
    """
    path = data_dir / _FILE
    if not path.exists():
        content = {
            "masterKey": secrets.token_urlsafe(32),
            "functionKeys": {"default": secrets.token_urlsafe(32)},
            "functions": {},
            "systemKeys": {name: secrets.token_urlsafe(32) for name in _SYSTEM_KEYS},
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    read_keys(data_dir)
    return path


def _is_sent(request: web.BaseRequest, allowed: Iterable[str]) -> bool:
    sent = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return any(secrets.compare_digest(sent.encode(), key.encode()) for key in allowed)
