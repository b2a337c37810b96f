"""Which paths of an item the indexing policy indexes: it decides charges and what ORDER BY may use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from emulators.cosmos.partition_keys import split_path

DEFAULT_POLICY: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}

Path = tuple[str, ...]

# The name that stands for every element of an array in a path.
ELEMENT: Final = "[]"
_ALWAYS: Final[frozenset[Path]] = frozenset({("id",), ("_ts",)})


@dataclass(frozen=True)
class _Pattern:
    names: Path
    exact: bool  # "/?" names one value, "/*" everything below
    included: bool

    @property
    def precision(self) -> tuple[int, bool]:
        return len(self.names), self.exact

    def matches(self, path: Path) -> bool:
        return path == self.names if self.exact else path[: len(self.names)] == self.names


@dataclass
class IndexingPolicy:
    """Answers for one container; the most precise pattern that matches a path decides."""

    enabled: bool
    patterns: tuple[_Pattern, ...]
    composites: tuple[tuple[tuple[Path, bool], ...], ...]
    _known: dict[Path, bool] = field(default_factory=dict)

    @classmethod
    def parse(cls, policy: dict[str, Any]) -> IndexingPolicy:
        patterns = [
            _pattern(entry["path"], included=included)
            for key, included in (("includedPaths", True), ("excludedPaths", False))
            for entry in policy.get(key) or ()
        ]
        composites = tuple(
            tuple((split_path(entry["path"]), entry.get("order", "ascending") == "descending") for entry in index)
            for index in policy.get("compositeIndexes") or ()
        )
        enabled = str(policy.get("indexingMode", "consistent")).lower() != "none"
        patterns.sort(key=lambda pattern: pattern.precision, reverse=True)
        return cls(enabled, tuple(patterns), composites)

    def indexes(self, path: Path) -> bool:
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._decide(path)
        return known

    def names(self, path: Path) -> bool:
        """Whether the policy includes this very path, not only one above it."""
        return any(pattern.included and pattern.exact and pattern.names == path for pattern in self.patterns)

    def serves_order(self, items: tuple[tuple[Path, bool], ...]) -> bool:
        """Whether an ORDER BY of several items has its composite index, in its order or the reverse one."""
        mirrored = tuple((path, not descending) for path, descending in items)
        return items in self.composites or mirrored in self.composites

    def count(self, body: Any) -> int:
        """The number of indexed scalar values of an item, elements of arrays included."""
        return self._count(body, ()) if self.enabled else 0

    def _count(self, value: Any, path: Path) -> int:
        total = 0
        if isinstance(value, dict):
            for name, member in value.items():
                total += self._count(member, (*path, name))
        elif isinstance(value, list):
            for element in value:
                total += self._count(element, (*path, ELEMENT))
        elif self.indexes(path):
            total = 1
        return total

    def _decide(self, path: Path) -> bool:
        if not self.enabled:
            return False
        if path in _ALWAYS:
            return True
        return next((pattern.included for pattern in self.patterns if pattern.matches(path)), False)


def _pattern(path: str, *, included: bool) -> _Pattern:
    names = split_path(path)
    return _Pattern(names[:-1] if names[-1:] in {("*",), ("?",)} else names, names[-1:] == ("?",), included)
