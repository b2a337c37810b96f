"""App settings: `local.settings.json`, the environment, and the `%NAME%` references of binding values."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.functions.configuration import Configuration
from emulators.functions.lenient_json import parse_lenient

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
    warnings: tuple[str, ...] = ()


def read_local_settings(app_dir: Path) -> LocalSettings:
    """Read the app's `local.settings.json` as the Core Tools do; an app without the file has no settings of its own.

    Raises SettingsError for a file of which the Core Tools would take nothing.
    """
    path = app_dir / "local.settings.json"
    if not path.exists():
        return LocalSettings(values={})
    try:
        content = parse_lenient(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold a JSON object")
    warnings = []
    if "IsEncrypted" not in content:
        warnings.append(
            'local.settings.json: "IsEncrypted": false is missing, and the Core Tools take it for encrypted'
        )
    if _flag(content, "IsEncrypted", path):
        raise SettingsError(f"{path} is encrypted; decrypt it with `func settings decrypt`")
    values = {}
    for name, value in [*_section(content, "Values", path).items(), *_connection_strings(content, path).items()]:
        if value is None or not name:
            warnings.append(f"local.settings.json: {name!r} is skipped, it has no {'value' if name else 'name'}")
        else:
            values[name] = _text(name, value, path)
    host = _section(content, "Host", path)
    origins = tuple(origin.strip() for origin in str(host.get("CORS") or "").split(",") if origin.strip())
    return LocalSettings(values, origins, _flag(host, "CORSCredentials", path), tuple(warnings))


def _section(content: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    section = content.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise SettingsError(f"{path}: {name!r} must be a JSON object")
    return section


def _connection_strings(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Those of a section of their own, each a text or an object with one: settings below `ConnectionStrings`."""
    return {
        f"ConnectionStrings:{name}": value.get("ConnectionString") if isinstance(value, dict) else value
        for name, value in _section(content, "ConnectionStrings", path).items()
    }


def _text(name: str, value: Any, path: Path) -> str:
    """A plain value as Json.NET makes a text of it."""
    if isinstance(value, dict | list):
        raise SettingsError(f"{path}: the value of {name!r} must be a text, a number, true or false")
    return str(value)


def _flag(content: dict[str, Any], name: str, path: Path) -> bool:
    value = content.get(name)
    if value is None:
        return False
    if str(value).lower() in ("true", "false", "0", "1"):
        return str(value).lower() in ("true", "1")
    raise SettingsError(f"{path}: {name!r} must be true or false, not {value!r}")


# What the Core Tools and the host tell an app of their own accord.
_OF_THE_HOST = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "PYTHON_THREADPOOL_THREAD_COUNT": "1000",
}


def apply_to_environment(values: Mapping[str, str], environment: MutableMapping[str, str]) -> None:
    """Set the app settings as environment variables; a variable that already has a value wins."""
    for name, value in {**_OF_THE_HOST, **values, "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}.items():
        if not environment.get(name):
            environment[name] = value


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Replace every `%NAME%` of a binding value by the setting of that name.

    Raises SettingMissingError, with the words of the real host.
    """

    configuration = Configuration(environment)

    def value_of(match: re.Match[str]) -> str:
        value = configuration.get(match[1])
        if not value:
            raise SettingMissingError(f"'%{match[1]}%' does not resolve to a value.")
        return value

    return _REFERENCE.sub(value_of, text)
