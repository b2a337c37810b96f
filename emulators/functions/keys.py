"""Keys of functions, enforced only with --enable-auth; as under `func start` they are not asked for otherwise."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

_FILE = "keys.json"
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
    """The keys of a data folder. Raises KeyError or ValueError for a file that somebody broke."""
    content = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    functions, system = content.get("functions", {}), content.get("systemKeys", {})
    return Keys(content["masterKey"], content["functionKeys"]["default"], functions, system)


def ensure_keys(data_dir: Path) -> Path:
    """Make keys for a data folder that has none; returns the file, so that a person can be pointed to it."""
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
    return path


def _is_sent(request: web.BaseRequest, allowed: Iterable[str]) -> bool:
    sent = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return any(secrets.compare_digest(sent.encode(), key.encode()) for key in allowed)
