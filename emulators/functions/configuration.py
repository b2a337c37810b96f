"""App settings as the host's configuration shows them: names ignore case, `__` stands for `:`, sections hold others."""

from collections.abc import Mapping
from dataclasses import dataclass

_CONNECTION_STRINGS = "ConnectionStrings"
_PREFIX = "AzureWebJobs"
# Connection strings of an app in Azure come as variables with one of these before their names.
_OF_THE_PLATFORM = ("customconnstr_", "sqlconnstr_", "sqlazureconnstr_", "mysqlconnstr_")


@dataclass(frozen=True)
class Found:
    """A setting, or a section of settings. `name` is what it was found under."""

    name: str
    value: str | None
    configuration: "Configuration"

    def child(self, name: str) -> str | None:
        """A setting of the section."""
        return self.configuration.get(f"{self.name}:{name}")


class Configuration:
    """What the variables of an environment are to .NET."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = {_key(name): value for name, value in environment.items()}

    def get(self, name: str) -> str | None:
        """The value of one setting."""
        return self._values.get(_key(name))

    def find(self, name: str) -> Found | None:
        """A setting or section of a name, None if there is neither."""
        key = _key(name)
        if key in self._values or any(known.startswith(f"{key}:") for known in self._values):
            return Found(name, self._values.get(key), self)
        return None

    def connection(self, name: str, *, plain_first: bool) -> Found | None:
        """What a binding means by the name of a connection, None if it does not exist.

        The name may stand alone or behind `AzureWebJobs`, in the section of connection strings or outside. Of two, the
        longer name wins, except for Service Bus.
        """
        names = (name, _PREFIX + name) if plain_first else (_PREFIX + name, name)
        for each in names:
            found = self.find(f"{_CONNECTION_STRINGS}:{each}") or self.find(each)
            if found is not None:
                return found
        return None


def _key(name: str) -> str:
    key = name.replace("__", ":").lower()
    for prefix in _OF_THE_PLATFORM:
        if key.startswith(prefix):
            return f"{_CONNECTION_STRINGS}:{key.removeprefix(prefix)}".lower()
    return key
