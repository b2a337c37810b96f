"""App settings: `local.settings.json`, the environment, and the `%NAME%` references of binding values."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REFERENCE = re.compile(r"%([^%]+)%")


class SettingsError(Exception):
    """The settings file cannot be read; the message names the file and what is wrong with it."""


class SettingMissingError(Exception):
    """A binding refers to a setting that does not exist; the message names the setting."""


@dataclass(frozen=True)
class LocalSettings:
    """What `local.settings.json` says: app settings, and the section that only local tools read."""

    values: Mapping[str, str]
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False


def read_local_settings(app_dir: Path) -> LocalSettings:
    """Read the app's `local.settings.json`; an app without the file has no settings of its own.

    Raises SettingsError for a file that is encrypted or not of the documented shape.
    """
    path = app_dir / "local.settings.json"
    if not path.exists():
        return LocalSettings(values={})
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold a JSON object")
    if content.get("IsEncrypted"):
        raise SettingsError(f"{path} is encrypted; decrypt it with `func settings decrypt`")
    values = _section(content, "Values", path)
    for name, value in values.items():
        if not isinstance(value, str):
            # The Core Tools skip such a value with a warning; here it is an error, so that nobody hunts it.
            raise SettingsError(f"{path}: the value of {name!r} must be a string, not {type(value).__name__}")
    host = _section(content, "Host", path)
    origins = tuple(origin.strip() for origin in str(host.get("CORS", "")).split(",") if origin.strip())
    return LocalSettings(values, origins, bool(host.get("CORSCredentials", False)))


def _section(content: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise SettingsError(f"{path}: {name!r} must be a JSON object")
    return section


# What the Core Tools and the host tell an app of their own accord.
_OF_THE_HOST = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "PYTHON_THREADPOOL_THREAD_COUNT": "1000",
}


def apply_to_environment(values: Mapping[str, str], environment: MutableMapping[str, str]) -> None:
    """Set the app settings as environment variables; a variable that is already set wins."""
    for name, value in {**_OF_THE_HOST, **values}.items():
        environment.setdefault(name, value)


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace every `%NAME%` of a binding value by the setting of that name.

    Raises SettingMissingError, with the words of the real host.
    """

    def value_of(match: re.Match[str]) -> str:
        value = environment.get(match[1])
        if not value:
            raise SettingMissingError(f"'%{match[1]}%' does not resolve to a value.")
        return value

    return _REFERENCE.sub(value_of, text)
