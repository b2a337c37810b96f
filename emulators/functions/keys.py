"""Keys of functions, enforced only with --enable-auth; as under `func start` they are not asked for otherwise."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_FILE = "keys.json"


@dataclass(frozen=True)
class Keys:
    """The master key opens everything, the host's default key every function of level FUNCTION."""

    master: str
    default: str
    functions: Mapping[str, str]

    def permit(self, request: web.BaseRequest, level: str, function: str | None = None) -> bool:
        """Whether the request's `x-functions-key` header or `code` parameter is good enough for a level."""
        if level == "ANONYMOUS":
            return True
        sent = request.headers.get("x-functions-key") or request.query.get("code") or ""
        allowed = [self.master]
        if level == "FUNCTION":
            allowed.append(self.default)
            if function is not None and function in self.functions:
                allowed.append(self.functions[function])
        return any(secrets.compare_digest(sent.encode(), key.encode()) for key in allowed)


def read_keys(data_dir: Path) -> Keys:
    """The keys of a data folder. Raises KeyError or ValueError for a file that somebody broke."""
    content = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    return Keys(content["masterKey"], content["functionKeys"]["default"], content.get("functions", {}))


def ensure_keys(data_dir: Path) -> Path:
    """Make keys for a data folder that has none; returns the file, so that a person can be pointed to it."""
    path = data_dir / _FILE
    if not path.exists():
        content = {
            "masterKey": secrets.token_urlsafe(32),
            "functionKeys": {"default": secrets.token_urlsafe(32)},
            "functions": {},
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
