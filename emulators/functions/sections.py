"""Objects of host.json as the host's configuration shows them: names ignore case, and what nobody reads is told."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

Warn = Callable[[str], None]


class SectionError(Exception):
    """An entry that stops the real host, too; the message names it."""


class Section:
    """The entries of one object. `path` is where it stands; `warn` is told what stops no host and has no effect."""

    def __init__(self, content: Mapping[str, Any], path: str, warn: Warn) -> None:
        # An entry that is null is as if it were not there.
        self._content = {name.lower(): (name, value) for name, value in content.items() if value is not None}
        self._path = path
        self.warn = warn

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._content

    def get(self, name: str, default: Any = None) -> Any:
        """The value of an entry, whatever the case of its name."""
        return self._content.get(name.lower(), ("", default))[1]

    def where(self, name: str) -> str:
        """An entry with the path to it."""
        return f"{self._path}.{name}" if self._path else name

    def section(self, name: str) -> "Section":
        """An object in this one, empty if it is not there. A plain value has no entries for .NET, and is told."""
        content = self.get(name, {})
        if not isinstance(content, Mapping):
            self.warn(f"{self.where(name)} is no object and is ignored")
            content = {}
        return Section(content, self.where(name), self.warn)

    def texts(self, name: str) -> list[str]:
        """A list, or an object whose names are numbers, as overrides in the environment make it."""
        content = self.get(name, [])
        if isinstance(content, Mapping):
            content = [content[number] for number in sorted(content, key=lambda each: (len(each), each))]
        return [str(each) for each in content] if isinstance(content, list) else [str(content)]

    def values(self) -> dict[str, str]:
        """All entries, as texts."""
        return {name: str(value) for name, value in self._content.values()}

    def tell_unknown(self, known: Iterable[str]) -> None:
        """Say which entries nobody reads, with the known one that is nearest."""
        names = {name.lower(): name for name in known}
        for lower, (name, _) in self._content.items():
            if lower in names or name.startswith("$"):
                continue
            nearest = get_close_matches(lower, names, n=1)
            meant = f"; the nearest known one is {self.where(names[nearest[0]])}" if nearest else ""
            self.warn(f"{self.where(name)} is not known and is ignored{meant}")
